"""A progress bar for work of known length: on standard error, in a terminal as a bar, else as a line from time to time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from i2ikit.cli.output import echo

OnProgress = Callable[[int, int], None]
"""Called with the number of parts done and the number of all parts."""


@contextmanager
def show_progress(title: str, pause: float = 15.0) -> Iterator[OnProgress]:
    """Yield a function that shows how much of a work is done.

    Functions of the library that take long accept it as ``on_progress=``.

    Args:
        title: What is done, such as "Checking files".
        pause: Seconds between two lines where standard error is not a terminal.
    """
    if not sys.stderr.isatty():
        yield _make_printer(title, pause)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _make_printer(title: str, pause: float) -> OnProgress:
    start = last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done and done < total and now - last >= pause:
            last = now
            echo(f"{title}: {done:,} of {total:,}, {(now - start) / done * (total - done):.0f} s left", err=True)

    return show
