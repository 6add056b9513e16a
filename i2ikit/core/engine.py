"""What differs between one process and several, and between precisions: the seam at which ``i2ikit.train`` puts its own engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Engine(Protocol):
    """What differs between one process and several, and between precisions. ``train`` brings another one."""

    index: int
    count: int

    def autocast(self) -> Any:
        """Return the context that forward passes run in."""
        ...

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Add the gradient of ``total`` to the ``grad`` of ``inputs``."""
        ...

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Average gradients over the processes; return whether all of them found finite losses."""
        ...

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes, in order."""
        ...

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step the optimizer where everything is finite; return whether it was."""
        ...


class SingleProcess:
    """The plain engine: one process, no scaling, autocast where the user has switched it on."""

    index, count = 0, 1

    def autocast(self) -> Any:
        """Leave autocast as the caller has it."""
        return torch.enable_grad()

    def backward(self, total: Tensor, inputs: Sequence[nn.Parameter], retain: bool) -> None:
        """Run autograd to ``inputs`` alone."""
        total.backward(inputs=list(inputs), retain_graph=retain)  # type: ignore[no-untyped-call]

    def average(self, parameters: Sequence[nn.Parameter], finite: Tensor) -> Tensor:
        """Return ``finite``: there is nobody to average with."""
        return finite

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the tensor."""
        return tensor

    def apply(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float) -> Tensor:
        """Step where the losses and the gradients are finite, without asking the host."""
        return gated_step(optimizer, parameters, finite, clip)


def gated_step(optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], finite: Tensor, clip: float = 0.0) -> Tensor:
    """Step an optimizer unless a loss or a gradient is not finite; the decision stays on the device.

    Fused optimizers skip the step where their ``found_inf`` is 1, which is how a gradient scaler stops them too.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return finite
    norm = nn.utils.get_total_norm(gradients)
    finite = finite & torch.isfinite(norm)
    if clip:
        nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.found_inf = (~finite).to(torch.float32)  # type: ignore[attr-defined]
    optimizer.step()
    # Under an autocast of the caller's, casts of the weights outlive the step, and would be those from before this step.
    torch.clear_autocast_cache()
    return finite
