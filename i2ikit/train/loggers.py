"""Loggers of a training: ``log.jsonl`` always, TensorBoard and others on request. A failing logger does not stop the training."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from i2ikit.core import former_names
from i2ikit.core.json_files import parse_line
from i2ikit.core.validators import LARGEST, is_number
from i2ikit.errors import MissingExtraError
from i2ikit.regular_files import read_regular
from i2ikit.temporary import replace_file

FILE = "log.jsonl"


class Logger(Protocol):
    """Receives the log records of a training. A logger that raises is removed with one warning, and the training continues."""

    def start(self, run: Path, done: int) -> None:
        """Start, or continue after ``done`` steps. Records of later steps are no longer valid."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record: ``{"step": 50, "seconds": 3.2, "translator/cycle": 0.4, ...}``, or an event: ``{"step", "event", ...}``."""

    def close(self) -> None:
        """Close files and connections at the end of the training."""


class JsonLines:
    """Writes ``log.jsonl``: one JSON object per line. NaN and infinite numbers become null."""

    def start(self, run: Path, done: int) -> None:
        path = run / FILE
        if path.is_file():
            lines = [json.dumps(record) for record in read_log(run) if record["step"] <= done]
            replace_file(path, "".join(f"{line}\n" for line in lines).encode())
        self.file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, record: Mapping[str, Any]) -> None:
        self.file.write(json.dumps({key: _to_json_value(value) for key, value in record.items()}) + "\n")

    def close(self) -> None:
        self.file.close()


class TensorBoard:
    """Writes event files for TensorBoard into ``RUN/tensorboard``.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self) -> None:
        if find_spec("tensorboard") is None:
            raise MissingExtraError("--tensorboard", "logging")

    def start(self, run: Path, done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        from i2ikit.train.event_files import remove_events_after

        folder = run / "tensorboard"
        is_continued = folder.is_dir()
        remove_events_after(folder, done)
        # A TensorBoard that has read the files before forgets the removed steps, too.
        self.writer: Any = SummaryWriter(str(folder), purge_step=done + 1 if is_continued else None)

    def write(self, record: Mapping[str, Any]) -> None:
        for key, value in record.items():
            if key != "step" and isinstance(value, (int, float)):
                self.writer.add_scalar(key, value, record["step"])

    def close(self) -> None:
        self.writer.close()


class Loggers:
    """All loggers of a run, ``log.jsonl`` included.

    Args:
        run: The run folder.
        loggers: Loggers in addition to ``log.jsonl``.
        done: Number of steps done before.
    """

    def __init__(self, run: Path, loggers: Iterable[Logger], done: int) -> None:
        self._loggers: list[Logger] = []
        for logger in (JsonLines(), *loggers):
            self._loggers.append(logger)
            self._call(logger, "start", run, done)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record with every logger."""
        for logger in tuple(self._loggers):
            self._call(logger, "write", record)

    def close(self) -> None:
        """Close every logger."""
        for logger in tuple(self._loggers):
            self._call(logger, "close")

    def _call(self, logger: Logger, method: str, *arguments: Any) -> None:
        try:
            getattr(logger, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - a failing logger must not stop the training
            self._loggers = [each for each in self._loggers if each is not logger]
            warnings.warn(
                f"Logger {type(logger).__name__} failed ({type(error).__name__}: {error}). It is removed, and the training continues.",
                stacklevel=4,
            )


def read_log(run: Path) -> list[dict[str, Any]]:
    """Return the log records of a run in order. Lines that are incomplete or hold no record are skipped."""
    path = run / FILE
    lines = read_regular(path).splitlines() if path.is_file() else []
    return [record for line in lines if (record := parse_record(line)) is not None]


def parse_record(line: str | bytes) -> dict[str, Any] | None:
    """Return the record of a line of ``log.jsonl``, or None if the line is incomplete or holds no record.

    Losses and measured numbers that are no numbers are left out.
    """
    data = parse_line(line)
    if data is None:
        return None
    try:
        record = former_names.log(data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    step, event = record.get("step"), record.get("event")
    if type(step) is not int or not 0 <= step <= LARGEST or not isinstance(event, (str, type(None))):
        return None
    if event not in (None, "evaluated"):
        return record
    return {key: value for key, value in record.items() if key == "event" or value is None or is_number(value)}


def _to_json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
