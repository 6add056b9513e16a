"""How many steps fit into some minutes."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.batches import Batches
    from i2ikit.train.engine import PlainEngine

MARGIN = 0.95
"""The part of the time that is planned for steps; the rest is for checkpoints, samples and the first reading of the images."""

LEAST = 3
"""Cycles that are measured at least: where another program held up the first one, it alone would end the training after seconds."""


def plan_steps(minutes: float, model: Model, batches: Batches, engine: PlainEngine, accumulate: int) -> tuple[int, float]:
    """Measure a few steps on a throw-away copy; return how many fit, and the seconds of one.

    Whole cycles of the players' intervals are played for about eight seconds, three times at least, and the faster half of them counts:
    the first ones also warm up the processor and read images that later steps find in memory. What the measuring takes is taken from
    the minutes.
    """
    double = copy.deepcopy(model, {id(model.engine): model.engine})
    cycle = min(16, math.lcm(*(player.every * term.every for player in model.recipe.players for term in player.terms.values())))
    enough, position, start = min(8.0, minutes * 3), batches.state(), time.perf_counter()

    def played() -> float:
        begin = time.perf_counter()
        for _ in range(cycle):
            double.step(batches.next(), accumulate=accumulate)
        double.raise_if_not_finite()  # waits for the device
        return float(engine.mean(torch.tensor(time.perf_counter() - begin, device=engine.device)))

    with torch.random.fork_rng([] if engine.device.type in ("cpu", "mps") else [engine.device]):
        seconds = [played()]
        while sum(seconds) < enough or len(seconds) < LEAST:
            seconds.append(played())
    batches.restore(position)
    faster = sorted(seconds)[: len(seconds) // 2]
    per_step, spent = sum(faster) / len(faster) / cycle, time.perf_counter() - start
    fit = max(cycle, math.floor((minutes * 60 * MARGIN - spent) / per_step))
    return engine.same(fit), per_step
