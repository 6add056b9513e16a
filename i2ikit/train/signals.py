"""Ctrl-C and SIGTERM: finish the step, save the training, and show how to resume it."""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class TrainingInterrupted(KeyboardInterrupt):
    """A training was stopped by Ctrl-C or SIGTERM, after it was saved.

    Attributes:
        run: The run folder.
        steps_done: Number of steps done.
    """

    def __init__(self, run: Path, done: int) -> None:
        self.run, self.steps_done = run, done
        super().__init__(f"Stopped after step {done:,}. The training is saved. To resume it: i2ikit train --resume {shlex.quote(str(run))}")


@contextmanager
def handle_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first SIGINT or SIGTERM. The second one ends the program as usual.

    In other threads than the main thread it has no effect: Python handles signals in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM)
    previous = {name: signal.getsignal(name) for name in names}

    def handle_first(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        stop()

    for name in names:
        signal.signal(name, handle_first)
    try:
        yield
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler if handler is not None else signal.SIG_DFL)
