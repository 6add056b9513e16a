"""Exponential moving averages (EMA) of the translator's weights, which generate better images than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from i2ikit.core.training import Ema

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class Averages:
    """Exponential moving average of the weights that the translator players train; buffers are copied.

    After update n, counted from 1, ``average = d * average + (1 - d) * weight`` with ``d = min(decay, (1 + n) / (10 + n))``. The smaller
    decay at the beginning removes the random initial weights quickly. With an :class:`Ema`, d follows from the number of images since the
    last update (batch size times steps). An update takes place after each step in which a player plays that trains the translator.

    Args:
        model: The model whose weights are averaged. The averages start as copies of its weights.
        decay: Decay of the recipe, or its Ema. With 0 nothing is averaged, and the averages are the weights themselves.

    Attributes:
        updates: Number of updates so far.
    """

    def __init__(self, model: Model, decay: float | Ema) -> None:
        self.model, self.decay, self.updates = model, decay, 0
        slots = [name for name, slot in model.nets.slots.items() if model.nets.roles[name] != "discriminator" and not slot.frozen]
        self._intervals = [player.every for player in model.recipe.players if set(player.trains) & set(slots)]
        state = {name: tensor for name, tensor in model.nets.named_state() if name.partition(".")[0] in slots} if decay else {}
        trained = {id(parameter) for parameter in model.nets.parameters() if parameter.requires_grad}
        self._averaged = {name: tensor for name, tensor in state.items() if id(tensor) in trained}
        self._copied = {name: tensor for name, tensor in state.items() if id(tensor) not in trained}
        with torch.no_grad():
            self._average = {name: tensor.detach().clone() for name, tensor in state.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Update the averages after a step, if a translator player played in it."""
        if not self.decay or not self._plays(self.model.steps_done):
            return
        self.updates += 1
        decay = self._get_decay()
        if self._averaged:
            average = [self._average[name] for name in self._averaged]
            get_ema_multi_avg_fn(decay)(average, list(self._averaged.values()), self.updates)  # type: ignore[no-untyped-call]
        for name, tensor in self._copied.items():
            self._average[name].copy_(tensor)

    def _plays(self, step: int) -> bool:
        return any(step % every == 0 for every in self._intervals)

    def _get_decay(self) -> float:
        """Return the decay of this update."""
        if not isinstance(self.decay, Ema):
            return min(self.decay, (1 + self.updates) / (10 + self.updates))
        step, batch = self.model.steps_done, self.model.recipe.batch
        steps = next(n for n in range(1, step + 1) if n == step or self._plays(step - n))  # since the last update
        return self.decay.decay(steps * batch, step * batch)

    def weights(self) -> dict[str, Tensor]:
        """Return the averages under the names that a saved model uses."""
        return {f"nets.{name}": tensor for name, tensor in self._average.items()}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Restore the averages from the tensors of a saved model."""
        self.updates = updates
        for name, tensor in self._average.items():
            tensor.copy_(tensors[f"nets.{name}"])

    @contextmanager
    def swap_in(self) -> Iterator[Model]:
        """Give the model the averages as its weights within a ``with`` block, and its own weights afterwards."""
        own = {name: tensor.detach().clone() for name, tensor in {**self._averaged, **self._copied}.items()}
        self._set_weights(self._average)
        try:
            yield self.model
        finally:
            self._set_weights(own)

    def copy_to_model(self) -> None:
        """Replace the weights of the model by the averages."""
        self._set_weights(self._average)

    @torch.no_grad()
    def _set_weights(self, values: Mapping[str, Tensor]) -> None:
        for name, tensor in {**self._averaged, **self._copied}.items():
            tensor.copy_(values[name])
