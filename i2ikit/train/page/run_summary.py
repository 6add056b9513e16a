"""The content of a run folder for the report page. Missing files are treated as empty; damaged files raise an error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from i2ikit.core.saved_numbers import read_numbers
from i2ikit.core.storage import find_run_folder
from i2ikit.errors import CheckpointError
from i2ikit.train.loggers import parse_record
from i2ikit.train.sample_files import get_grid_path, list_grids
from i2ikit.train.saved_layout import read_layout
from i2ikit.train.saved_run import read_run

MAX_POINTS = 300  # of a curve on the page
_MAX_LINES = 100_000  # of the log that are read; evaluations are always read
_NOT_CURVES = ("step", "seconds")


@frozen
class Curve:
    """A curve of at most MAX_POINTS points, each the summary of neighbouring log records: mean step, and mean, least and largest value."""

    steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@frozen
class RunSummary:
    """The content of a run folder.

    Attributes:
        folder: The run folder.
        config: Content of run.json.
        curves: Curves by key of the log, in the order of the log.
        evaluations: The evaluation records of the log.
        step: Number of steps done.
        seconds: Training time.
        numbers: Content of numbers.json.
        layout: Content of samples/layout.json.
        every: Only every n-th record of a very long log is read.
    """

    folder: Path
    config: Mapping[str, Any]
    curves: Mapping[str, Curve]
    evaluations: tuple[Mapping[str, Any], ...]
    step: int
    seconds: float
    numbers: Mapping[str, Any]
    layout: Mapping[str, Any]
    every: int = 1

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe as JSON data."""
        recipe: Mapping[str, Any] = self.config["recipe"]
        return recipe

    @property
    def data(self) -> list[Mapping[str, Any]]:
        """The descriptions of the data sets."""
        data = self.config.get("data", {})
        return data if isinstance(data, list) else [data]

    def find_grid(self, step: int) -> Path:
        """Return the path of the sample grid of a step."""
        return list_grids(self.folder).get(step, get_grid_path(self.folder, step))

    @property
    def grid_steps(self) -> list[int]:
        """The steps that have a sample grid."""
        return [step for step in self.layout.get("steps", []) if self.find_grid(step).is_file()]


def read_run_summary(run: str | Path) -> RunSummary:
    """Read the folder of a run.

    Raises:
        CheckpointError: The folder holds no run; or run.json, numbers.json or layout.json is damaged.
    """
    folder = find_run_folder(Path(run))
    if not folder.is_dir():
        raise CheckpointError(f'There is no run at "{folder}". Give the folder that `i2ikit train --run` wrote.')
    if not (folder / "run.json").is_file():
        raise CheckpointError(f'"{folder}" is not a run: it has no run.json. Give the folder that `i2ikit train --run` wrote.')
    config = read_run(folder / "run.json")
    lines = _read_lines(folder / "log.jsonl")
    every = max(1, len(lines) // _MAX_LINES)
    records = _parse_log(lines, every)
    steps = [record for record in records if "event" not in record]
    return RunSummary(
        folder=folder,
        config=config,
        curves=_make_curves(steps),
        evaluations=tuple(record for record in records if record.get("event") == "evaluated"),
        step=int(max((record["step"] for record in records), default=0)),
        seconds=float(max((record.get("seconds", 0.0) for record in steps), default=0.0)),
        numbers=_read_if_there(folder / "numbers.json", read_numbers),
        layout=_read_if_there(folder / "samples" / "layout.json", read_layout),
        every=every,
    )


def _read_if_there(path: Path, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    return read(path) if path.is_file() else {}


def _read_lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.is_file() else []


def _parse_log(lines: Sequence[bytes], every: int) -> list[dict[str, Any]]:
    """Return every n-th record of a log. If a resumed run repeated steps, only their last records are returned."""
    records: list[dict[str, Any]] = []
    for index, line in enumerate(lines):
        if index % every and index != len(lines) - 1 and b'"event"' not in line:
            continue
        record = parse_record(line)
        if record is None:  # for example the last line of a killed run
            continue
        while records and (records[-1]["step"], "event" in records[-1]) >= (record["step"], "event" in record):
            records.pop()
        records.append(record)
    return records


def _make_curves(records: list[dict[str, Any]]) -> dict[str, Curve]:
    points: dict[str, list[tuple[int, float]]] = {}
    for record in records:
        for key, value in record.items():
            if key not in _NOT_CURVES and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
                points.setdefault(key, []).append((record["step"], float(value)))
    return {key: make_curve(each) for key, each in points.items()}


def make_curve(points: list[tuple[int, float]]) -> Curve:
    """Return a curve of pairs (step, value), reduced to at most MAX_POINTS groups of neighbours."""
    size = -(-len(points) // MAX_POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    values = [[value for _, value in each] for each in groups]
    return Curve(
        steps=tuple(sum(step for step, _ in each) / len(each) for each in groups),
        mean=tuple(sum(each) / len(each) for each in values),
        low=tuple(min(each) for each in values),
        high=tuple(max(each) for each in values),
    )
