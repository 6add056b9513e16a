"""Run operators in eager mode on a CPU without the overhead of ``torch.library``: the same code and the same gradients.

A call through ``torch.library`` costs 0.1 to 0.2 ms in each direction, as much as the work on a small map. It is needed only to compile, to
export, and for ``torch.func``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops.implementations import get_implementation

Call = Callable[..., Any]

_PLAIN_TYPES = (Tensor, torch.nn.Parameter)


def add_eager_route(name: str, op: Call, cpu: Call, setup_context: Call, backward: Call) -> Call:
    """Return a function that runs an operator without ``torch.library`` where it can, and through it otherwise.

    Args:
        name: Name of the operator.
        op: The operator as it is registered with ``torch.library``.
        cpu: The same computation on a CPU.
        setup_context: Saves what the gradient of ``op`` needs, given a context, the inputs and the output.
        backward: The gradient of ``op``, which calls other operators in the same way.
    """

    class Eager(torch.autograd.Function):
        # If the context were set up in a function of its own, torch would spend 0.04 ms on finding out its arguments.
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            output = cpu(*inputs)
            setup_context(ctx, inputs, output)
            return output

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return backward(ctx, *grads)

    def run(x: Tensor, *rest: Any) -> Any:
        if not can_run_eagerly(name, x):
            return op(x, *rest)
        if torch.is_grad_enabled() and (x.requires_grad or any(isinstance(each, Tensor) and each.requires_grad for each in rest)):
            return Eager.apply(x, *rest)
        return cpu(x, *rest)

    return run


def can_run_eagerly(name: str, x: Tensor) -> bool:
    """Return whether an operator can run without ``torch.library``: for plain tensors on a CPU, without tracing or vmap."""
    if torch.compiler.is_compiling() or x.device.type != "cpu" or type(x) not in _PLAIN_TYPES:
        return False
    # Batched gradients use an older kind of vmap than torch.func. There is no public function that detects either of them.
    has_vmap = torch._C._are_functorch_transforms_active() or torch._C._functorch.is_legacy_batchedtensor(x)
    return not has_vmap and get_implementation(name, x) == "cpu"
