"""The function that long work of the library calls to show how much is done. This module does not import torch."""

from __future__ import annotations

from collections.abc import Callable

OnTask = Callable[[str, int, int], None]
"""Called with the name of the task, the number of its parts that are done, and the number of all its parts."""


def show_nothing(title: str, done: int, total: int) -> None:
    """Accept the progress of a task, and show nothing."""
