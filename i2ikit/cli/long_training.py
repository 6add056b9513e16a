"""The question before a training that takes more than a day. Imports no torch."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from i2ikit.errors import OptionError
from i2ikit.train.progress import format_duration

DAY = 24 * 3600.0


def make_confirmation(say: Callable[[str], None], *, is_agreed: bool) -> Callable[[float], None]:
    """Return a function that shows the expected time of a training on the CPU, and asks in a terminal if it is more than a day.

    Args:
        say: Shows a line.
        is_agreed: Whether the user has agreed before: ``--yes``.
    """

    def confirm(seconds: float) -> None:
        days = f"{seconds / DAY:.1f} days" if seconds > 2 * DAY else format_duration(seconds)
        shorter = "--minutes N, a smaller --size or a recipe that ends with -fast" if seconds > 3600 else "--minutes N"
        say(f"On this CPU the training takes about {days}. To shorten it: {shorter}.")
        if seconds > DAY and not is_agreed and sys.stdin.isatty() and sys.stdout.isatty() and not click.confirm("Start it?"):
            raise OptionError(f"The training of about {days} was not started. --yes starts it without a question.")

    return confirm
