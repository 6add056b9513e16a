"""Averaged weights of the translator, which give better images than the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class Averages:
    """An exponential moving average of what the translator players train; buffers are copied.

    After update n, counted from 1, ``average = d * average + (1 - d) * weight`` with ``d = min(decay, (1 + n) / (10 + n))``: the first
    updates, when the weights are still random, do not linger. An update is a step in which a translator player plays.

    Args:
        model: Whose weights are averaged; the averages begin as their copies.
        decay: Of the recipe; 0 averages nothing, and the averages are then the weights themselves.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        slots = [name for name, slot in model.nets.slots.items() if model.nets.roles[name] != "discriminator" and not slot.frozen]
        self._every = [player.every for player in model.recipe.players if set(player.trains) & set(slots)]
        state = {name: tensor for name, tensor in model.nets.named_state() if name.partition(".")[0] in slots} if decay else {}
        trained = {id(parameter) for parameter in model.nets.parameters() if parameter.requires_grad}
        self._moving = {name: tensor for name, tensor in state.items() if id(tensor) in trained}
        self._copied = {name: tensor for name, tensor in state.items() if id(tensor) not in trained}
        with torch.no_grad():
            self._average = {name: tensor.detach().clone() for name, tensor in state.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Follow the weights after a step, where a translator has played in it."""
        if not self.decay or all(self.model.steps_done % every for every in self._every):
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        if self._moving:
            average = [self._average[name] for name in self._moving]
            get_ema_multi_avg_fn(decay)(average, list(self._moving.values()), self.updates)  # type: ignore[no-untyped-call]
        for name, tensor in self._copied.items():
            self._average[name].copy_(tensor)

    def weights(self) -> dict[str, Tensor]:
        """Return the averages under the names that a saved model has for them."""
        return {f"nets.{name}": tensor for name, tensor in self._average.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Take up the averages of a saved model."""
        self.updates = updates
        for name, tensor in self._average.items():
            tensor.copy_(tensors[f"nets.{name}"])

    @contextmanager
    def shown(self) -> Iterator[Model]:
        """Lend the model with the averages in place of its weights."""
        kept = {name: tensor.detach().clone() for name, tensor in {**self._moving, **self._copied}.items()}
        self._put(self._average)
        try:
            yield self.model
        finally:
            self._put(kept)

    def keep(self) -> None:
        """Leave the averages in the model for good."""
        self._put(self._average)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, tensor in {**self._moving, **self._copied}.items():
            tensor.copy_(values[name])
