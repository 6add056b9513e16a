"""The expected time of a training on a CPU, measured before it starts."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from i2ikit.train.time_budget import count_cycle

if TYPE_CHECKING:
    from i2ikit.core.model import Model
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
    position = trainer.batches.state()
    seconds = measure_step(model, trainer.batches.next, options.accumulate)
    trainer.batches.restore(position)
    options.confirm(steps * seconds)


def measure_step(model: Model, next_batches: Callable[[], Any], accumulate: int = 1, longest: float = MAX_SECONDS) -> float:
    """Return the mean seconds of a step, measured on a copy of the model. Its random numbers stay what they are.

    Args:
        model: The model.
        next_batches: Returns the batches of a step.
        accumulate: Number of micro-batches of each batch.
        longest: Seconds after which no other step is measured. One step is always measured.
    """
    cycle = count_cycle(model)
    trial = copy.deepcopy(model, {id(model.engine): model.engine})
    trial.steps_done = cycle - 1
    seconds: list[float] = []
    with torch.random.fork_rng([]):
        while not seconds or (len(seconds) <= cycle and sum(seconds) < longest):
            batches, start = next_batches(), time.perf_counter()
            trial.step(batches, accumulate=accumulate)
            seconds.append(time.perf_counter() - start)
    return estimate_step(seconds, cycle)


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
