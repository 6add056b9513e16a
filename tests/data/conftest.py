"""Small data sets, drawn anew for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[3] / "shared" / "data"
Draw = Callable[..., Path]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Write one small picture, different for each name."""

    def write(name: str, *, size: tuple[int, int] = (8, 8), mode: str = "RGB", root: Path = tmp_path) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = len(Image.new(mode, (1, 1)).getbands())
        random = np.random.default_rng(list(name.encode()))
        pixels = random.integers(0, 256, (size[0], size[1], channels), dtype=np.uint8)
        Image.frombytes(mode, (size[1], size[0]), pixels.tobytes()).save(path)
        return path

    return write


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """The folder of a real data set; the test is skipped where it is not given."""

    def find(name: str) -> Path:
        if not (SHARED / name).is_dir():
            pytest.skip(f"the real images {name} are not beside this repository")
        return SHARED / name

    return find
