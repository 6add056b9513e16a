"""Plan the number of steps for a training time in minutes."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from i2ikit.train.trainer import Trainer

STEP_SHARE = 0.95
"""Share of the time that is planned for steps. The rest is for checkpoints, samples and the first reading of the images."""

MIN_CYCLES = 3
"""Least number of cycles to measure. If only one were measured and another program slowed it down, far too few steps would be planned."""


def plan_steps(trainer: Trainer, minutes: float) -> tuple[int, float]:
    """Measure the time of a few steps on a copy of the model; return the number of steps that fit, and the seconds of one step.

    A cycle is a number of steps after which the intervals of all players and terms repeat. Cycles are measured for about eight seconds, at
    least three of them, and the faster half is averaged: the first ones are slower, because images are read for the first time. The time of
    the measurement is subtracted from ``minutes``.
    """
    model, batches, engine = trainer.model, trainer.batches, trainer.engine
    trial = copy.deepcopy(model, {id(model.engine): model.engine})
    cycle = min(16, math.lcm(*(player.every * term.every for player in model.recipe.players for term in player.terms.values())))
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
    faster = sorted(seconds)[: len(seconds) // 2]
    per_step, spent = sum(faster) / len(faster) / cycle, time.perf_counter() - start
    steps = max(cycle, math.floor((minutes * 60 * STEP_SHARE - spent) / per_step))
    return engine.broadcast(steps), per_step
