"""What a person sees of a training: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

SLOW_LOADER = 0.3
_OWN = ("step", "seconds", "lr", "images_per_second", "loader_share", "event")


class Progress(Protocol):
    """Shows a training."""

    def say(self, text: str) -> None:
        """Show a line."""

    def begin(self, done: int, steps: int) -> None:
        """Start counting."""

    def advance(self, done: int) -> None:
        """Note a finished step; called after every one, so it must be cheap."""

    def report(self, record: Mapping[str, Any]) -> None:
        """Show a record of the log."""

    def close(self) -> None:
        """Stop counting."""


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
    """Plain lines, at most one every few seconds.

    Args:
        file: Where they go; standard output by default.
        pause: Seconds between two lines about the losses; the last step is always shown.
    """

    def __init__(self, file: TextIO | None = None, pause: float = 5.0) -> None:
        self.file, self.pause = file, pause
        self._shown = -pause
        self._clock, self._hint = _Clock(), _Hint()

    def say(self, text: str) -> None:
        print(text, file=self.file or sys.stdout, flush=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)

    def report(self, record: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now - self._shown < self.pause and record["step"] < self._clock.steps:
            return
        self._shown = now
        self.say(f"step {record['step']}/{self._clock.steps}  {self._clock.left(record['step'])}  {described(record)}")
        hint = self._hint.of(record)
        if hint:
            self.say(hint)


class Bar(Silent):
    """A rich progress bar with the losses below it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._clock, self._hint, self._shown = _Clock(), _Hint(), 0.0
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
        self._console.print(text, markup=False, soft_wrap=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)
        self._task = self._progress.add_task("", total=steps, completed=done, left="", losses="")
        self._progress.start()

    def advance(self, done: int) -> None:
        now = time.monotonic()
        if self._task is not None and now - self._shown > 0.2:
            self._shown = now
            self._progress.update(self._task, completed=done, left=self._clock.left(done))

    def report(self, record: Mapping[str, Any]) -> None:
        if self._task is None:
            return
        self._progress.update(self._task, completed=record["step"], left=self._clock.left(record["step"]), losses=described(record))
        hint = self._hint.of(record)
        if hint:
            self.say(hint)

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()
            self._task = None


def shown(silent: bool = False) -> Progress:
    """Return the progress that fits: a bar on a terminal, lines elsewhere."""
    if silent:
        return Silent()
    return Bar() if sys.stdout.isatty() else Lines()


def described(record: Mapping[str, Any]) -> str:
    """Return the numbers of a record as one line, players' names shortened: ``discriminator adversarial -0.31 domain 0.22 | ...``."""
    players: dict[str, list[str]] = {}
    for key, value in record.items():
        player, _, term = key.partition("/")
        if key not in _OWN and term:
            players.setdefault(player, []).append(f"{term} {value:.3g}")
    parts = [f"{player} {' '.join(terms)}" for player, terms in players.items()]
    if "images_per_second" in record:
        parts.append(f"{record['images_per_second']:.3g} images/s")
    return " | ".join(parts)


def duration(seconds: float) -> str:
    """Return a length of time for people: ``"42 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class _Hint:
    """Says once that reading images takes a large part of the time, after three records in a row: the first epoch is always slow."""

    def __init__(self) -> None:
        self._slow = 0

    def of(self, record: Mapping[str, Any]) -> str:
        share = float(record.get("loader_share", 0.0))
        if self._slow < 3:
            self._slow = self._slow + 1 if share >= SLOW_LOADER else 0
            if self._slow == 3:
                return f"Reading images takes {share:.0%} of the time. Prepare them ahead (--workers 2), or store them smaller."
        return ""


class _Clock:
    """Tells the time that is left from the steps of the last minute or so."""

    def __init__(self) -> None:
        self.steps, self._marks = 0, [(0.0, 0)]

    def begin(self, done: int, steps: int) -> None:
        self.steps, self._marks = steps, [(time.monotonic(), done)]

    def left(self, done: int) -> str:
        now = time.monotonic()
        begin, first = self._marks[0]
        if done <= first:
            return ""
        seconds = (now - begin) / (done - first) * (self.steps - done)
        if now - self._marks[-1][0] > 10:
            self._marks = [*self._marks, (now, done)][-6:]
        return f"{duration(seconds)} left" if done < self.steps else "done"
