"""A small model on disk, a few images, and the command line as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from i2ikit import build
from i2ikit.cli import main
from i2ikit.pixels import write_image


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def i2i(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command and return its exit code and what it said."""

    def run(*words: object) -> Said:
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        return Said(code, shown.out, shown.err)

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {"tone": ("light", "medium", "dark"), "male": bool}
    small = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}, "rehearsal": False}
    return build("stargan-fast", size=16, labels=labels, **small).save(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = [{"tone": ("light", "medium", "dark")}, {"male": bool}]
    small = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}, "rehearsal": False}
    return build("stargan-fast", size=16, labels=labels, **small).save(tmp_path_factory.mktemp("models") / "masked")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two images of 16 pixels, one of them with 16 bits, and one of 20."""
    folder = tmp_path / "photos"
    noise = torch.Generator().manual_seed(0)
    for name, size, bits in (("a.png", 16, 8), ("b.png", 20, 8), ("deep.png", 16, 16)):
        write_image(torch.rand(3, size, size, generator=noise) * 2 - 1, folder / name, bits)
    return folder
