"""What a training writes down: ``log.jsonl`` always, TensorBoard and others on request. None of it can stop the training."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from i2ikit.errors import MissingExtraError

FILE = "log.jsonl"


class Logger(Protocol):
    """Something that follows a training. A tracker that raises is dropped with one warning, and the training goes on."""

    def start(self, run: Path, done: int) -> None:
        """Begin, or go on after ``done`` steps; what was written of later steps is void."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record: ``{"step": 50, "seconds": 3.2, "translator/cycle": 0.4, ...}``, or an event: ``{"step", "event", ...}``."""

    def close(self) -> None:
        """End."""


class JsonLines:
    """``log.jsonl``: one JSON object a line, numbers that are not finite as null."""

    def start(self, run: Path, done: int) -> None:
        path = run / FILE
        if path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _round(line) <= done]
            fresh = path.with_name(f".{FILE}.tmp")
            fresh.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
            fresh.replace(path)
        self.file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, record: Mapping[str, Any]) -> None:
        self.file.write(json.dumps({key: _plain(value) for key, value in record.items()}) + "\n")

    def close(self) -> None:
        self.file.close()


class TensorBoard:
    """Event files in ``RUN/tensorboard``.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self) -> None:
        if find_spec("tensorboard") is None:
            raise MissingExtraError("--tensorboard", "logging")

    def start(self, run: Path, done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(str(run / "tensorboard"), purge_step=done + 1 if done else None)

    def write(self, record: Mapping[str, Any]) -> None:
        for key, value in record.items():
            if key != "step" and isinstance(value, (int, float)):
                self.writer.add_scalar(key, value, record["step"])

    def close(self) -> None:
        self.writer.close()


class Loggers:
    """All trackers of a run behind one door.

    Args:
        run: The folder of the run.
        trackers: Beside ``log.jsonl``.
        done: Steps that were finished before.
    """

    def __init__(self, run: Path, loggers: Iterable[Logger], done: int) -> None:
        self._loggers: list[Logger] = []
        for logger in (JsonLines(), *loggers):
            self._loggers.append(logger)
            self._try(logger, "start", run, done)

    def write(self, record: Mapping[str, Any]) -> None:
        """Give a record to every tracker."""
        for logger in tuple(self._loggers):
            self._try(logger, "write", record)

    def close(self) -> None:
        """End every tracker."""
        for logger in tuple(self._loggers):
            self._try(logger, "close")

    def _try(self, logger: Logger, what: str, *arguments: Any) -> None:
        try:
            getattr(logger, what)(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a tracker does, the training goes on
            self._loggers = [each for each in self._loggers if each is not logger]
            warnings.warn(
                f"{type(logger).__name__} failed ({type(error).__name__}: {error}) and is left out from here; the training goes on.",
                stacklevel=4,
            )


def read(run: Path) -> list[dict[str, Any]]:
    """Return the records of a run in order; a line that was cut is left out."""
    path = run / FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if _round(line) < math.inf]


def _round(line: str) -> float:
    try:
        record = json.loads(line)
        return float(record["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
