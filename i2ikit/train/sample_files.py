"""Paths of the sample grids of a run. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from i2ikit.core import former_names

FOLDER, LAYOUT = "samples", "layout.json"
TRAINING_IMAGE = "training image"
"""The mark of a sample that was used for training."""


def get_grid_path(run: str | Path, step: int) -> Path:
    """Return the path of the sample grid of a step, ``RUN/samples/step-00000500.png``."""
    return Path(run) / FOLDER / f"step-{step:08d}.png"


def list_grids(run: str | Path) -> dict[int, Path]:
    """Return the paths of all sample grids of a run by step. Those of version 0.1 are included."""
    grids = {}
    for path in (Path(run) / FOLDER).glob("*-*.png"):
        prefix, _, number = path.stem.partition("-")
        if prefix in former_names.STEP_PREFIXES and number.isdigit():
            grids[int(number)] = path
    return dict(sorted(grids.items()))


def remove_grids_after(run: str | Path, step: int) -> None:
    """Remove the sample grids of steps after ``step``: the training does these steps again, perhaps with another result."""
    for found, path in list_grids(run).items():
        if found > step:
            path.unlink(missing_ok=True)
