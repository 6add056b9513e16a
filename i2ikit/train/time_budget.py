"""Plan the number of steps for a training time in minutes."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING

import torch
from attrs import frozen

from i2ikit.train.checkpoint import isolate_random_states

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.trainer import Trainer

STEP_SHARE = 0.95
"""Share of the time that is planned for steps. The rest is for checkpoints, samples and the first reading of the images."""

MIN_CYCLES = 3
"""Least number of cycles to measure. If only one were measured and another program slowed it down, far too few steps would be planned."""

MAX_RESERVE = 0.5
"""Largest share of the time that is kept for evaluations."""

MAX_EVALUATIONS = 20
"""Number of evaluations during a training, unless the user chooses their interval."""


@frozen
class Plan:
    """The plan of a training that has a time.

    Attributes:
        steps: The number of steps.
        step_seconds: The time of one step.
        reserved_seconds: The time that is kept for evaluations, during the training and after it.
    """

    steps: int
    step_seconds: float
    reserved_seconds: float


def plan_steps(trainer: Trainer, minutes: float) -> Plan:
    """Measure the time of a few steps on a copy of the model, and return the number of steps that fit.

    Cycles of steps (see :func:`count_cycle`) are measured for about eight seconds, at least three of them, and the faster half is averaged:
    the first ones are slower, because images are read for the first time. The time of the measurement is subtracted from ``minutes``, and
    that of evaluations, too; at most half of the time is kept for these.
    """
    model, batches, engine = trainer.model, trainer.batches, trainer.engine
    trial = copy.deepcopy(model, {id(model.engine): model.engine})
    cycle = count_cycle(model)
    enough, position, start = min(8.0, minutes * 3), batches.state(), time.perf_counter()

    def measure_cycle() -> float:
        cycle_start = time.perf_counter()
        for _ in range(cycle):
            trial.step(batches.next(), accumulate=trainer.options.accumulate)
        trial.raise_if_not_finite()  # waits for the device
        return float(engine.mean(torch.tensor(time.perf_counter() - cycle_start, device=engine.device)))

    with torch.random.fork_rng([] if engine.device.type in ("cpu", "mps") else [engine.device]):
        seconds = [measure_cycle()]
        while sum(seconds) < enough or len(seconds) < MIN_CYCLES:
            seconds.append(measure_cycle())
    batches.restore(position)
    reserved = min(_measure_evaluations(trainer), MAX_RESERVE * 60 * minutes)
    faster = sorted(seconds)[: len(seconds) // 2]
    per_step, spent = sum(faster) / len(faster) / cycle, time.perf_counter() - start
    steps = max(cycle, math.floor((minutes * 60 * STEP_SHARE - spent - reserved) / per_step))
    steps, reserved = engine.broadcast((steps, reserved))
    return Plan(steps, per_step, reserved)


def count_cycle(model: Model) -> int:
    """Return the number of steps after which the intervals of all players and terms repeat, at most 16."""
    return min(16, math.lcm(*(player.every * term.every for player in model.recipe.players for term in player.terms.values())))


def _measure_evaluations(trainer: Trainer) -> float:
    """Return the estimated seconds of all evaluations: those during the training, one of which is made now, and what follows it."""
    options, seconds = trainer.options, 0.0
    if options.validate is None and options.reserve is None:
        return seconds
    with trainer.averages.swap_in() as model, isolate_random_states(model.seed, trainer.engine.device):
        if options.validate is not None and options.evaluate_every != 0:
            start = time.perf_counter()
            try:
                options.validate(model)
            except Exception:  # noqa: BLE001 - a failing evaluation does not stop a training; the first one in it reports the error
                return seconds
            seconds += (time.perf_counter() - start) * MAX_EVALUATIONS
        if options.reserve is not None and trainer.engine.is_main_process:
            seconds += options.reserve(model)
    return seconds
