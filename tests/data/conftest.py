"""Fixtures that write small images, and that find the real data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"
WritePicture = Callable[..., Path]


@pytest.fixture
def write_picture(tmp_path: Path) -> WritePicture:
    """Return a function that writes a small image, which depends on its name."""

    def write(name: str, *, size: tuple[int, int] = (8, 8), mode: str = "RGB", root: Path = tmp_path) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = len(Image.new(mode, (1, 1)).getbands())
        random = np.random.default_rng(list(name.encode(errors="surrogatepass")))
        pixels = random.integers(0, 256, (size[0], size[1], channels), dtype=np.uint8)
        Image.frombytes(mode, (size[1], size[0]), pixels.tobytes()).save(path)
        return path

    return write


@pytest.fixture
def people(write_picture: WritePicture, tmp_path: Path) -> Path:
    """Write three folders of images, one for each domain."""
    for domain, count in (("a", 5), ("b", 4), ("c", 2)):
        for index in range(count):
            write_picture(f"{domain}/{domain}{index}.png", size=(12, 10))
    return tmp_path


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """Return a function that finds the folder of a real data set, or skips the test if there is none."""

    def find(name: str) -> Path:
        if not (REAL_DATA / name).is_dir():
            pytest.skip(f"There is no folder {REAL_DATA / name}.")
        return REAL_DATA / name

    return find
