"""What the page reads of a run's folder. A part that is not there yet is empty; a part that is damaged is an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from i2ikit.errors import CheckpointError

MOST_POINTS = 300  # of a curve on the page
_MOST_LINES = 5_000  # of the log that are read in full; evaluations always are
_NO_CURVE = ("step", "seconds")


@frozen
class Curve:
    """A thinned curve: for each bin the step, the mean, the least and the largest value."""

    steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@frozen
class Record:
    """All that a page tells.

    Attributes:
        folder: The run.
        config: run.json.
        curves: By key of the log, in the log's order.
        evaluated: The log's lines of evaluations.
        step, seconds: How far the training has come.
        numbers: numbers.json.
        layout: samples/layout.json.
    """

    folder: Path
    config: Mapping[str, Any]
    curves: Mapping[str, Curve]
    evaluated: tuple[Mapping[str, Any], ...]
    step: int
    seconds: float
    numbers: Mapping[str, Any]
    layout: Mapping[str, Any]

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe as JSON data."""
        recipe: Mapping[str, Any] = self.config["recipe"]
        return recipe

    def sample(self, step: int) -> Path:
        """Return where the grid of a step lies."""
        return self.folder / "samples" / f"step-{step:08d}.png"

    @property
    def sampled(self) -> list[int]:
        """The steps whose grids are there."""
        return [number for number in self.layout.get("steps", []) if self.sample(number).is_file()]


def read_record(run: str | Path) -> Record:
    """Read the folder of a run.

    Raises:
        CheckpointError: It is no run, or run.json, numbers.json or layout.json is damaged.
    """
    folder = Path(run)
    if not folder.is_dir():
        raise CheckpointError(f'There is no run at "{folder}". Give the folder that `i2ikit train --run` wrote.')
    if not (folder / "run.json").is_file():
        raise CheckpointError(f'"{folder}" is no run: it has no run.json. Give the folder that `i2ikit train --run` wrote.')
    config = _json(folder / "run.json")
    if not isinstance(config.get("recipe"), dict):
        raise CheckpointError(f'"{folder / "run.json"}" names no recipe. It is damaged, or of another program.')
    lines = list(_logged(folder / "log.jsonl"))
    steps = [line for line in lines if "event" not in line]
    return Record(
        folder=folder,
        config=config,
        curves=_curves(steps),
        evaluated=tuple(line for line in lines if line.get("event") == "evaluated"),
        step=int(max((line["step"] for line in lines), default=0)),
        seconds=float(max((line.get("seconds", 0.0) for line in steps), default=0.0)),
        numbers=_json(folder / "numbers.json"),
        layout=_json(folder / "samples" / "layout.json"),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f'"{path}" is damaged: {error}.') from None
    return data if isinstance(data, dict) else {}


def _logged(path: Path) -> Iterable[dict[str, Any]]:
    """Return the lines of a log by step; what a resumed run did anew replaces what it did before."""
    if not path.is_file():
        return []
    whole = path.read_bytes().splitlines()
    every = max(1, len(whole) // _MOST_LINES)
    kept: list[dict[str, Any]] = []
    for index, text in enumerate(whole):
        if index % every and index != len(whole) - 1 and b'"event"' not in text:
            continue
        line = _line(text)
        if line is None:
            continue
        while kept and (kept[-1]["step"], "event" in kept[-1]) >= (line["step"], "event" in line):
            kept.pop()
        kept.append(line)
    return kept


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:  # the last line of a run that was killed
        return None
    return line if isinstance(line, dict) and isinstance(line.get("step"), int) else None


def _curves(lines: list[dict[str, Any]]) -> dict[str, Curve]:
    points: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for key, value in line.items():
            if key not in _NO_CURVE and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
                points.setdefault(key, []).append((line["step"], float(value)))
    return {key: thinned(each) for key, each in points.items()}


def thinned(points: list[tuple[int, float]]) -> Curve:
    """Return at most MOST_POINTS bins of neighbouring points."""
    size = -(-len(points) // MOST_POINTS) or 1
    bins = [points[start : start + size] for start in range(0, len(points), size)]
    values = [[value for _, value in each] for each in bins]
    return Curve(
        steps=tuple(sum(number for number, _ in each) / len(each) for each in bins),
        mean=tuple(sum(each) / len(each) for each in values),
        low=tuple(min(each) for each in values),
        high=tuple(max(each) for each in values),
    )
