"""Ctrl-C: finish the step, save, say how to go on."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class TrainingInterrupted(KeyboardInterrupt):
    """A training was stopped by Ctrl-C or SIGTERM, after its state was saved.

    Attributes:
        run: The folder of the run.
        steps_done: Steps finished.
    """

    def __init__(self, run: Path, done: int) -> None:
        self.run, self.steps_done = run, done
        super().__init__(f"Stopped after step {done:,}; everything is saved. Go on with: i2ikit train --resume {shlex.quote(str(run))}")


@contextmanager
def watched(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGINT or SIGTERM; the second one ends the program as usual.

    Outside the main thread, where Python takes no signals, nothing is watched.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM)
    before = {name: signal.getsignal(name) for name in names}

    def first(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stop()

    for name in names:
        signal.signal(name, first)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler if handler is not None else signal.SIG_DFL)
