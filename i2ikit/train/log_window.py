"""The losses and the times between two log records."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.core.optimizers import get_learning_rate

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.train.batches import Batches
    from i2ikit.train.engine import PlainEngine


class LogWindow:
    """Collects the losses of the steps since the last log record, and measures the time.

    Args:
        done: Number of steps done before.
    """

    def __init__(self, done: int) -> None:
        self._values: dict[str, list[Tensor]] = {}  # of each term
        self._earlier_seconds = 0.0  # training time before this run was resumed
        self._start = time.perf_counter()
        self._last_record = (0.0, done)  # seconds and steps at the last log record
        self._paused_seconds = 0.0  # time since then that was not spent on steps

    @property
    def seconds(self) -> float:
        """Training time in seconds, including the time before a resume."""
        return self._earlier_seconds + time.perf_counter() - self._start

    def add(self, logs: Mapping[str, Tensor]) -> None:
        """Add the losses of a step."""
        for name, value in logs.items():
            self._values.setdefault(name, []).append(value)

    def pause(self, seconds: float) -> None:
        """Count time that was not spent on steps."""
        self._paused_seconds += seconds

    def take_record(self, model: Model, batches: Batches, engine: PlainEngine) -> dict[str, Any]:
        """Return the log record of the steps since the last one: mean losses over steps and processes, learning rate and speed."""
        names = list(self._values)
        means = [torch.stack(self._values[name]).to(torch.float32).mean() for name in names]
        values = engine.mean(torch.stack(means)).tolist() if means else []  # there are no losses if no player played
        now, (before, done) = self.seconds, self._last_record
        steps, elapsed = model.steps_done - done, max(now - before - self._paused_seconds, 1e-9)
        record = {
            "step": model.steps_done,
            "seconds": round(now, 3),
            **dict(zip(names, values, strict=True)),
            "lr": _get_learning_rate(model),
            "images_per_second": round(steps * model.recipe.batch * len(batches.loaders) / elapsed, 3),
            "loader_share": round(batches.loading_seconds / elapsed, 4),
        }
        batches.loading_seconds, self._paused_seconds = 0.0, 0.0
        self._values, self._last_record = {}, (now, model.steps_done)
        return record

    def state(self) -> dict[str, Any]:
        """Return losses and time as JSON data."""
        return {"seconds": self.seconds, "window": {key: torch.stack(values).tolist() for key, values in self._values.items()}}

    def restore(self, data: Mapping[str, Any], done: int, device: torch.device) -> None:
        """Restore the state that :meth:`state` returned, after ``done`` steps."""
        self._earlier_seconds = float(data["seconds"])
        self._values = {key: [torch.tensor(value, device=device) for value in values] for key, values in data["window"].items()}
        self._last_record = (self.seconds, done)


def _get_learning_rate(model: Model) -> float:
    """Return the learning rate of the last step, of the player that trains the generator."""
    players = model.recipe.players
    player = next((each for each in players if "generator" in each.trains), players[0])
    return get_learning_rate(model.recipe, player, model.steps_done - 1)
