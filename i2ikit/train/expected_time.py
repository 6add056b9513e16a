"""The expected time of a training on a CPU, measured before it starts."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING

import torch

from i2ikit.train.time_budget import count_cycle

if TYPE_CHECKING:
    from i2ikit.train.trainer import Trainer

MIN_STEPS = 1000
"""The time of a training of fewer steps is not measured: its progress shows it soon enough."""
MAX_SECONDS = 10.0
"""Seconds after which no other step is measured."""


def confirm_duration(trainer: Trainer) -> None:
    """Call ``confirm`` of the options with the expected seconds of a long training on the CPU; an error that it raises ends the training.

    A few steps are done on a copy of the model. The first one is that in which all players and terms take part; the others follow it, up to
    the step in which all take part again. The batches and the random numbers of the training stay what they are.
    """
    model, engine, options = trainer.model, trainer.engine, trainer.options
    steps = model.recipe.steps - model.steps_done
    if options.confirm is None or steps < MIN_STEPS or engine.device.type != "cpu" or engine.count > 1:
        return
    position, cycle = trainer.batches.state(), count_cycle(model)
    trial = copy.deepcopy(model, {id(model.engine): model.engine})
    trial.steps_done = cycle - 1
    seconds: list[float] = []
    with torch.random.fork_rng([]):
        while not seconds or (len(seconds) <= cycle and sum(seconds) < MAX_SECONDS):
            batches, start = trainer.batches.next(), time.perf_counter()
            trial.step(batches, accumulate=options.accumulate)
            seconds.append(time.perf_counter() - start)
    trainer.batches.restore(position)
    options.confirm(steps * estimate_step(seconds, cycle))


def estimate_step(seconds: list[float], cycle: int) -> float:
    """Return the mean seconds of a step.

    Args:
        seconds: The time of a step in which all players take part, then those of the steps after it.
        cycle: Number of steps after which all players take part again.
    """
    if len(seconds) == cycle + 1:  # the second step in which all take part is faster: the first one also prepares memory
        return sum(seconds[1:]) / cycle
    whole, others = seconds[0], seconds[1:]
    return (whole + (cycle - 1) * sum(others) / len(others)) / cycle if others else whole
