"""Progress of work of known length: on standard error, in a terminal as a bar, else as a line from time to time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from i2ikit.core.on_task import OnTask
from i2ikit.train.progress import Lines, RemainingTime
from i2ikit.train.progress_bar import render_bar

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@contextmanager
def show_tasks(pause: float = 15.0) -> Iterator[OnTask]:
    """Yield a function that shows how much is done of one task after another, which functions of the library accept as ``on_task=``.

    Args:
        pause: Seconds between two lines where standard error is not a terminal.
    """
    if not sys.stderr.isatty():
        yield Lines(sys.stderr, max_pause=4 * pause).show_task
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    bar = _TaskBar(console)
    # Standard output goes through the console, above the bar, only if both are the terminal: else a pipe would get nothing.
    shared = sys.stdout.isatty()
    with Live(console=console, get_renderable=bar.render, refresh_per_second=4, transient=True, redirect_stdout=shared):
        yield bar.show_task


class _TaskBar:
    """The line of the present task."""

    def __init__(self, console: Console) -> None:
        self.console, self.clock = console, RemainingTime()
        self.title, self.done, self.total = "", 0, 0

    def show_task(self, title: str, done: int, total: int) -> None:
        if title != self.title:
            self.clock.begin(done, total)
        self.title, self.done, self.total = title, done, total

    def render(self) -> RenderableType:
        if not self.title or self.total < 1:
            return ""
        parts = [self.title, f"{self.done:,}/{self.total:,}", self.clock.describe(self.done)]
        return render_bar(list(filter(None, parts)), self.done, self.total, max(10, self.console.width - 1))
