"""Progress of a training on the screen: a progress bar in a terminal, else plain lines from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from i2ikit.core.visible_text import make_visible

if TYPE_CHECKING:
    from rich.progress import TaskID

SLOW_LOADER = 0.3
"""Share of the time for loading images above which a hint is shown."""

_NOT_LOSSES = ("step", "seconds", "lr", "images_per_second", "loader_share", "event")


class Progress(Protocol):
    """Shows the progress of a training."""

    def say(self, text: str) -> None:
        """Show a line."""

    def begin(self, done: int, steps: int) -> None:
        """Start with ``done`` of ``steps`` steps."""

    def advance(self, done: int) -> None:
        """Show the number of steps done. It is called after each step, so it must be fast."""

    def report(self, record: Mapping[str, Any]) -> None:
        """Show a log record."""

    def close(self) -> None:
        """Remove the progress bar."""


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def begin(self, done: int, steps: int) -> None:
        """Show nothing."""

    def advance(self, done: int) -> None:
        """Show nothing."""

    def report(self, record: Mapping[str, Any]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class Lines(Silent):
    """Shows plain lines.

    Args:
        file: Where the lines are written. Default: standard output.
        pause: Least number of seconds between two lines about losses. The last step is always shown.
    """

    def __init__(self, file: TextIO | None = None, pause: float = 5.0) -> None:
        self.file, self.pause = file, pause
        self._last_time = -pause
        self._clock, self._hint = _RemainingTime(), _SlowLoaderHint()

    def say(self, text: str) -> None:
        print(make_visible(text), file=self.file or sys.stdout, flush=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)

    def report(self, record: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last_time < self.pause and record["step"] < self._clock.steps:
            return
        self._last_time = now
        self.say(f"step {record['step']}/{self._clock.steps}  {self._clock.describe(record['step'])}  {format_record(record)}")
        hint = self._hint.update(record)
        if hint:
            self.say(hint)


class Bar(Silent):
    """Shows a rich progress bar with the losses."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._clock, self._hint, self._last_time = _RemainingTime(), _SlowLoaderHint(), 0.0
        self._task: TaskID | None = None
        self._console = Console(highlight=False)
        columns = (
            TextColumn("step {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[losses]}"),
        )
        self._progress = Progress(*columns, console=self._console, refresh_per_second=4)

    def say(self, text: str) -> None:
        self._console.print(make_visible(text), markup=False, soft_wrap=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)
        for task in self._progress.task_ids:  # that of an earlier stage of the run
            self._progress.remove_task(task)
        self._task = self._progress.add_task("", total=steps, completed=done, left="", losses="")
        self._progress.start()

    def advance(self, done: int) -> None:
        now = time.monotonic()
        if self._task is not None and now - self._last_time > 0.2:
            self._last_time = now
            self._progress.update(self._task, completed=done, left=self._clock.describe(done))

    def report(self, record: Mapping[str, Any]) -> None:
        if self._task is None:
            return
        step = record["step"]
        self._progress.update(self._task, completed=step, left=self._clock.describe(step), losses=format_record(record))
        hint = self._hint.update(record)
        if hint:
            self.say(hint)

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()
            self._task = None


def make_progress(silent: bool = False) -> Progress:
    """Return a progress bar if standard output is a terminal, else plain lines."""
    if silent:
        return Silent()
    return Bar() if sys.stdout.isatty() else Lines()


def format_record(record: Mapping[str, Any]) -> str:
    """Return the losses of a log record as one line: ``discriminator adversarial -0.31 domain 0.22 | translator ...``."""
    players: dict[str, list[str]] = {}
    for key, value in record.items():
        player, _, term = key.partition("/")
        if key not in _NOT_LOSSES and term:
            players.setdefault(player, []).append(f"{term} {value:.3g}")
    parts = [f"{player} {' '.join(terms)}" for player, terms in players.items()]
    if "images_per_second" in record:
        parts.append(f"{record['images_per_second']:.3g} images/s")
    return make_visible(" | ".join(parts))


def format_duration(seconds: float) -> str:
    """Return a duration as text: ``"42 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class _SlowLoaderHint:
    """Returns a hint once if loading images takes a large share of the time in three records in a row: the first epoch is always slow."""

    def __init__(self) -> None:
        self._slow_records = 0

    def update(self, record: Mapping[str, Any]) -> str:
        share = float(record.get("loader_share", 0.0))
        if self._slow_records < 3:
            self._slow_records = self._slow_records + 1 if share >= SLOW_LOADER else 0
            if self._slow_records == 3:
                return f"Loading images takes {share:.0%} of the time. Load them in advance (--workers 2), or store smaller images."
        return ""


class _RemainingTime:
    """Estimates the remaining time from the steps of about the last minute."""

    def __init__(self) -> None:
        self.steps, self._marks = 0, [(0.0, 0)]

    def begin(self, done: int, steps: int) -> None:
        self.steps, self._marks = steps, [(time.monotonic(), done)]

    def describe(self, done: int) -> str:
        now = time.monotonic()
        start, first = self._marks[0]
        if done <= first:
            return ""
        seconds = (now - start) / (done - first) * (self.steps - done)
        if now - self._marks[-1][0] > 10:
            self._marks = [*self._marks, (now, done)][-6:]
        return f"{format_duration(seconds)} left" if done < self.steps else "done"
