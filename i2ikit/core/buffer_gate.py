"""The buffers of networks and losses and the pools of past fakes stay as they were if a turn is refused because it is not finite.

Buffers change in the forward pass: running statistics of batch norms, vectors of spectral norms, running means of losses. They are
therefore copied before a turn, and selected after it. The decision stays on the device, as that about the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from i2ikit.core.pool import Pool

if TYPE_CHECKING:
    from i2ikit.core.model import Model

Place = tuple[nn.Module, str]  # a module, and the name of one of its buffers


class BufferGate:
    """Copies of buffers, of which :meth:`settle` keeps the new values or restores the old ones.

    Args:
        modules: The modules with their submodules; pools keep their own record, because they are large and few of their images change.
        pools: The pools of past fakes.

    Attributes:
        has_turns: Whether further turns follow, before which nothing else changes the buffers.
    """

    has_turns = False

    def __init__(self, modules: Iterable[nn.Module], pools: Iterable[Pool] = ()) -> None:
        self._places: dict[tuple[torch.device, torch.dtype], list[Place]] = {}
        for root in modules:
            for module in root.modules():
                for name, buffer in module.named_buffers(recurse=False) if _can_change(module) else ():
                    if not isinstance(buffer, nn.UninitializedBuffer):
                        self._places.setdefault((buffer.device, buffer.dtype), []).append((module, name))
        self._before = {kind: _flatten(places) for kind, places in self._places.items()}
        for pool in pools:
            pool.record_changes()

    @torch.no_grad()
    def settle(self, finite: Tensor) -> None:
        """Keep the present values if ``finite``, a boolean tensor [], is true; restore the earlier ones if not."""
        for kind, places in self._places.items():
            before = self._before[kind]
            now = [getattr(module, name) for module, name in places]
            if sum(0 if buffer is None else buffer.numel() for buffer in now) != len(before):
                continue  # a module has replaced a buffer by one of another size
            chosen = torch.where(finite.to(before.device), _flatten(places), before)
            # Through .data: autograd must not take the copy of equal values for a change of what it has saved for later turns.
            own = [buffer.data for buffer in now if buffer is not None]
            self._before[kind] = chosen
            torch._foreach_copy_(
                own, [part.view(each.shape) for each, part in zip(own, torch.split(chosen, [each.numel() for each in own]), strict=True)]
            )


def open_gate(model: Model) -> None:
    """Copy the buffers of a model before a turn, unless it is done already."""
    if model.gate is None:
        model.gate = BufferGate((model.nets, model.loss_modules), _list_pools(model))


@contextmanager
def keep_gate(model: Model) -> Iterator[None]:
    """Return the context of a whole step: what a turn leaves is what the next one starts with, so that it is not copied again."""
    model.gate = None
    open_gate(model)
    assert model.gate is not None
    model.gate.has_turns = True
    try:
        yield
    finally:
        model.gate = None


def settle_gate(model: Model, finite: Tensor) -> None:
    """Keep the new buffers and pools of a model after a turn if ``finite``, a boolean tensor [], is true; else restore the earlier."""
    gate = model.gate
    if gate is None:
        return
    gate.settle(finite)
    for pool in _list_pools(model):
        pool.settle(finite)
        if gate.has_turns:
            pool.record_changes()
    if not gate.has_turns:
        model.gate = None


def _list_pools(model: Model) -> list[Pool]:
    return [pool for pool in model.pools.values() if isinstance(pool, Pool)]


def _can_change(module: nn.Module) -> bool:
    """Return whether buffers of a module may change; those of frozen batch norms, which may be many, do not."""
    return module.training or not isinstance(module, nn.modules.batchnorm._NormBase)


def _flatten(places: Iterable[Place]) -> Tensor:
    found = [getattr(module, name) for module, name in places]
    return torch.cat([buffer.detach().reshape(-1) for buffer in found if buffer is not None])
