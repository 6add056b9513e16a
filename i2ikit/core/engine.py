"""The parts of a step that depend on the number of processes and on the precision. ``i2ikit.train`` provides its own engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Engine(Protocol):
    """The parts of a step that depend on the number of processes and on the precision.

    Attributes:
        index: The rank of this process, from 0.
        count: The number of processes.
    """

    index: int
    count: int

    def autocast(self) -> Any:
        """Return the autocast context of the forward passes."""
        ...

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Add the gradient of ``total`` to the ``grad`` of ``inputs``; keep the graph if ``retain`` is true."""
        ...

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Average the gradients over the processes; return whether the losses of all processes are finite."""
        ...

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes in rank order."""
        ...

    def step_optimizer(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step the optimizer if the losses and gradients are finite; return whether they are."""
        ...


class SingleProcess:
    """The default engine: one process, no loss scaling, and autocast only if the caller has enabled it."""

    index, count = 0, 1

    def autocast(self) -> Any:
        """Return a context that leaves autocast as the caller has set it."""
        return torch.enable_grad()

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Run the backward pass to ``inputs`` only."""
        total.backward(inputs=list(inputs), retain_graph=retain)  # type: ignore[no-untyped-call]

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Return ``finite``: with one process there is nothing to average."""
        return finite

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the tensor unchanged."""
        return tensor

    def step_optimizer(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step the optimizer if the losses and gradients are finite; the decision stays on the device."""
        return step_if_finite(optimizer, parameters, finite, clip)


def step_if_finite(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float = 0.0) -> Tensor:
    """Step an optimizer unless a loss or a gradient is not finite; the decision stays on the device.

    A fused optimizer skips its step if its attribute ``found_inf`` is 1. Gradient scalers of torch use the same attribute. The step of
    another optimizer is undone.

    Args:
        optimizer: An optimizer whose states exist already, as :func:`i2ikit.core.optimizers.make_optimizer` makes them.
        parameters: Its parameters.
        finite: Whether the losses are finite, a boolean tensor [].
        clip: The largest total norm of the gradient; 0 means no limit.

    Returns:
        Whether the losses and the gradients are finite, a boolean tensor [].
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return finite
    norm = nn.utils.get_total_norm(gradients)
    finite = finite & torch.isfinite(norm)
    if clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    if optimizer.defaults.get("fused"):
        optimizer.found_inf = (~finite).to(torch.float32)  # type: ignore[attr-defined]
        optimizer.step()
    else:
        _step_or_undo(optimizer, parameters, finite)
    # If the caller has enabled autocast, it caches casts of the weights. These would be casts of the weights before this step.
    torch.clear_autocast_cache()
    return finite


@torch.no_grad()
def _step_or_undo(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor) -> None:
    states = [value for parameter in parameters for value in optimizer.state[parameter].values() if isinstance(value, Tensor)]
    tensors = [parameter.data for parameter in parameters] + states
    before = [tensor.clone() for tensor in tensors]
    optimizer.step()
    for tensor, old in zip(tensors, before, strict=True):
        tensor.copy_(torch.where(finite.to(tensor.device), tensor, old))
