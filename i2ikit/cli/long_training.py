"""The time that a training takes: told after a check of data, and asked about before a training of more than a day. Imports no torch."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable

import click

from i2ikit.errors import OptionError
from i2ikit.train.progress import format_duration

DAY = 24 * 3600.0
LONG_TRAINING = 45 * 60.0
"""Seconds above which a check of data proposes half an hour."""
CHECK_SECONDS = 4.0
"""Seconds after which a check of data measures no other step."""


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


def describe_duration(command: str) -> str:
    """Return a sentence about the time of a training on the CPU of this machine: a few steps of it are measured on random images.

    Args:
        command: A command ``i2ikit train ...``.

    Raises:
        I2IKitError: The command cannot be carried out.
    """
    from i2ikit.cli.train import build_model
    from i2ikit.cli.train import train as train_command
    from i2ikit.cpu import tune_cpu
    from i2ikit.train.expected_time import measure_step
    from i2ikit.train.progress import Silent

    tune_cpu()
    with train_command.make_context("train", shlex.split(command)[2:]) as context:
        model, _ = build_model(context.params, Silent())
    model.train()
    steps, batch = model.recipe.steps, model.example_batch(model.recipe.batch)
    seconds = measure_step(model, lambda: batch, longest=CHECK_SECONDS)
    shown = f"{seconds:.2g} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"
    limit = "; --minutes 30 ends it after half an hour" if steps * seconds > LONG_TRAINING else ""
    return f"On this machine it takes about {format_duration(steps * seconds)} ({steps:,} steps of {shown}){limit}."
