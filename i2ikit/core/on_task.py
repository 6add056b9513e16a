"""The function that long work of the library calls to show how much is done. This module does not import torch."""

from __future__ import annotations

from collections.abc import Callable

OnTask = Callable[[str, int, int], None]
"""Called with the name of the task, the number of its parts that are done, and the number of all its parts."""


def show_nothing(title: str, done: int, total: int) -> None:
    """Accept the progress of a task, and show nothing."""


class TaskCounter:
    """Counts the parts of a task that are done, and shows each change.

    Args:
        on_task: Shows them.
        title: The name of the task.
        total: The number of its parts.
    """

    def __init__(self, on_task: OnTask, title: str, total: int) -> None:
        self.on_task, self.title, self.total, self.done = on_task, title, total, 0
        if total:
            on_task(title, 0, total)

    def add(self, count: int = 1) -> None:
        """Count parts that are done."""
        self.done += count
        self.on_task(self.title, self.done, self.total)
