"""Progress of work of known length: on standard error, in a terminal as a bar, else as a line from time to time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from i2ikit.core.on_task import OnTask
from i2ikit.train.progress import Lines, Progress
from i2ikit.train.progress_bar import Bar


@contextmanager
def show_tasks() -> Iterator[OnTask]:
    """Yield a function that shows how much is done of one task after another, which functions of the library accept as ``on_task=``."""
    with closing(_make_progress()) as progress:
        yield progress.show_task


def _make_progress() -> Progress:
    if not sys.stderr.isatty():
        return Lines(sys.stderr)
    from rich.console import Console

    return Bar(Console(stderr=True, highlight=False))
