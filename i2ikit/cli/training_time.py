"""The time that a training takes on this machine, for a check of data."""

from __future__ import annotations

import shlex

from i2ikit.cli.train import build_model
from i2ikit.cli.train import train as train_command
from i2ikit.train.progress import Silent, format_duration

LONG_TRAINING = 45 * 60.0
"""Seconds above which half an hour is proposed."""
CHECK_SECONDS = 4.0
"""Seconds after which no other step is measured."""


def describe_duration(command: str) -> str:
    """Return a sentence about the time of a training on the CPU of this machine: a few steps of it are measured on random images.

    Args:
        command: A command ``i2ikit train ...``.

    Raises:
        I2IKitError: The command cannot be carried out.
    """
    from i2ikit.cpu import tune_cpu
    from i2ikit.train.expected_time import measure_step

    tune_cpu()
    with train_command.make_context("train", shlex.split(command)[2:]) as context:
        model, _ = build_model(context.params, Silent())
    model.train()
    steps, batch = model.recipe.steps, model.example_batch(model.recipe.batch)
    seconds = measure_step(model, lambda: batch, longest=CHECK_SECONDS)
    shown = f"{seconds:.2g} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"
    limit = "; --minutes 30 ends it after half an hour" if steps * seconds > LONG_TRAINING else ""
    return f"On this machine it takes about {format_duration(steps * seconds)} ({steps:,} steps of {shown}){limit}."
