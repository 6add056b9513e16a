"""Work on many files in threads, with its progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from i2ikit.core.on_task import OnTask, TaskCounter

T = TypeVar("T")
R = TypeVar("R")
MAX_THREADS = 8


def map_in_threads(function: Callable[[T], R], entries: Sequence[T], title: str, on_task: OnTask) -> list[R]:
    """Return what a function returns for each entry, in their order.

    Args:
        function: Called in threads.
        entries: What it is called with.
        title: What is done, such as "Checking files".
        on_task: Called in this thread with the title, the number of entries done, and that of all.
    """
    counter, found = TaskCounter(on_task, title, len(entries)), []
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        for each in pool.map(function, entries):
            found.append(each)
            counter.add()
    return found
