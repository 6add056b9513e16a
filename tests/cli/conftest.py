"""Fixtures: small models on disk, a few images, and the command line as a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from i2ikit import Model, build
from i2ikit.cli import main
from i2ikit.pixels import write_image


class CliResult(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., CliResult]:
    """Return a function that runs a command and returns its exit code and output."""

    def run(*words: object) -> CliResult:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return CliResult(code, captured.out, captured.err)

    return run


DURATION = "On this machine it takes about 9 min (10,000 steps of 54 ms)."


@pytest.fixture(autouse=True)
def no_measured_steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``data check`` say a fixed time: to measure steps takes seconds. The mark "measured" turns this off."""
    if request.node.get_closest_marker("measured") is None:
        monkeypatch.setattr("i2ikit.cli.training_time.describe_duration", lambda command: DURATION)


def save_trained(model: Model, folder: Path) -> Path:
    """Save a model as one that has been trained, so that no note says that its images are random."""
    model.steps_done = 1
    return model.save(folder)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = {"tone": ("light", "medium", "dark"), "male": bool}
    small = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}, "rehearsal": False}
    return save_trained(build("stargan-fast", size=16, labels=labels, **small), tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = [{"tone": ("light", "medium", "dark")}, {"male": bool}]
    small = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}, "rehearsal": False}
    return save_trained(build("stargan-fast", size=16, labels=labels, **small), tmp_path_factory.mktemp("models") / "masked")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder with three images: 16 pixels, 20 pixels, and 16 pixels with 16 bits."""
    folder = tmp_path / "photos"
    noise = torch.Generator().manual_seed(0)
    for name, size, bits in (("a.png", 16, 8), ("b.png", 20, 8), ("deep.png", 16, 16)):
        write_image(torch.rand(3, size, size, generator=noise) * 2 - 1, folder / name, bits)
    return folder
