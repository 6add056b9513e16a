"""Progress of a training on the screen: its interface, and plain lines. The progress bar is in another module."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

from i2ikit.core.visible_text import make_visible

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

    def show_task(self, title: str, done: int, total: int) -> None:
        """Show how much is done of another task than the training, such as an evaluation; see :data:`i2ikit.core.on_task.OnTask`."""

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

    def show_task(self, title: str, done: int, total: int) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class Lines(Silent):
    """Shows plain lines.

    Args:
        file: Where the lines are written. Default: standard output.
        pause: Least number of seconds between two lines about losses. The last step is always shown.
        max_pause: Number of seconds without a line after which the number of steps and the remaining time are shown.
    """

    def __init__(self, file: TextIO | None = None, pause: float = 5.0, max_pause: float = 60.0) -> None:
        self.file, self.pause, self.max_pause = file, pause, max_pause
        self._last_time = -pause
        self._clock, self._hint, self._task = RemainingTime(), SlowLoaderHint(), ("", RemainingTime())

    def say(self, text: str) -> None:
        print(make_visible(text), file=self.file or sys.stdout, flush=True)

    def begin(self, done: int, steps: int) -> None:
        self._clock.begin(done, steps)

    def advance(self, done: int) -> None:
        now = time.monotonic()
        if done < self._clock.total and now - max(self._last_time, self._clock.start) >= self.max_pause:
            self._last_time = now
            self.say(f"step {done}/{self._clock.total}  {self._clock.describe(done)}")

    def report(self, record: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now - self._last_time < self.pause and record["step"] < self._clock.total:
            return
        self._last_time = now
        self.say(f"step {record['step']}/{self._clock.total}  {self._clock.describe(record['step'])}  {format_record(record)}")
        hint = self._hint.update(record)
        if hint:
            self.say(hint)

    def show_task(self, title: str, done: int, total: int) -> None:
        now, (current, clock) = time.monotonic(), self._task
        if title != current:
            clock = RemainingTime()
            self._task = (title, clock)
            clock.begin(done, total)
        if done < total and now - max(self._last_time, clock.start) >= self.max_pause / 4:
            self._last_time = now
            self.say(f"{title}: {done:,} of {total:,}  {clock.describe(done)}".rstrip())


def format_record(record: Mapping[str, Any]) -> str:
    """Return the losses of a log record as one line: ``discriminator adversarial -0.31 domain 0.22 | translator ...``."""
    parts = [f"{player} {' '.join(terms)}" for player, terms in list_losses(record).items()]
    return " | ".join([*parts, *filter(None, [format_speed(record)])])


def list_losses(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the losses of a log record as texts such as ``"adversarial -0.31"``, by player."""
    players: dict[str, list[str]] = {}
    for key, value in record.items():
        player, _, term = key.partition("/")
        if key not in _NOT_LOSSES and term:
            players.setdefault(make_visible(player), []).append(make_visible(f"{term} {value:.3g}"))
    return players


def format_speed(record: Mapping[str, Any]) -> str:
    """Return the training images per second of a log record, or an empty text."""
    return f"{record['images_per_second']:.3g} images/s" if "images_per_second" in record else ""


def format_evaluation(step: int, numbers: Mapping[str, float], first: str = "", width: int = 79) -> str:
    """Return the numbers of an evaluation as one line of at most ``width`` characters; ``log.jsonl`` has all of them.

    Args:
        step: The step after which the model was evaluated.
        numbers: The numbers by name. Those of single attributes and of copies of the input come last.
        first: The name of the number that comes first.
        width: The largest number of characters.
    """
    order = sorted(numbers, key=lambda name: (name != first, "/" in name, name.endswith(("_copy", "_blur"))))
    return make_visible("  ".join(fit_parts([f"step {step}", *(f"{name} {numbers[name]:.4g}" for name in order)], width)))


def fit_parts(parts: Sequence[str], width: int) -> list[str]:
    """Return the first parts that fit into a width together, with two spaces between them; at least one."""
    fitting = list(parts)
    while len(fitting) > 1 and sum(map(len, fitting)) + 2 * (len(fitting) - 1) > width:
        fitting.pop()
    return fitting


def format_duration(seconds: float) -> str:
    """Return a duration as text: ``"42 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class SlowLoaderHint:
    """Returns a hint once if loading images takes a large share of the time in three records in a row: the first epoch is always slow."""

    def __init__(self) -> None:
        self._slow_records = 0

    def update(self, record: Mapping[str, Any]) -> str:
        """Return the hint after the record that makes it necessary, else an empty text."""
        share = float(record.get("loader_share", 0.0))
        if self._slow_records < 3:
            self._slow_records = self._slow_records + 1 if share >= SLOW_LOADER else 0
            if self._slow_records == 3:
                return f"Loading images takes {share:.0%} of the time. Load them in advance (--workers 2), or store smaller images."
        return ""


class RemainingTime:
    """Estimates the remaining time from the steps, or the parts of a task, of about the last minute.

    Attributes:
        total: The number of all parts.
        start: When the task began, on the clock ``time.monotonic``.
    """

    def __init__(self) -> None:
        self.total, self.start, self._marks = 0, 0.0, [(0.0, 0)]

    def begin(self, done: int, total: int) -> None:
        """Begin with ``done`` of ``total`` parts."""
        self.total, self.start = total, time.monotonic()
        self._marks = [(self.start, done)]

    def describe(self, done: int) -> str:
        """Return the remaining time as text, such as "12 min left"; empty before the first part."""
        now = time.monotonic()
        start, first = self._marks[0]
        if done >= self.total:
            return "done"
        if done <= first:
            return ""
        seconds = (now - start) / (done - first) * (self.total - done)
        if now - self._marks[-1][0] > 10:
            self._marks = [*self._marks, (now, done)][-6:]
        return f"{format_duration(seconds)} left"
