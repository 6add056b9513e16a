"""Operators on a CPU where nothing is compiled: the same code and the same gradients, without what ``torch.library`` puts around a call.

That costs 0.1 to 0.2 ms each way, as much as the work on a small map. It is there to compile and to export, and for ``torch.func``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops.choice import route

Call = Callable[..., Any]

_PLAIN = (Tensor, torch.nn.Parameter)


def either(name: str, op: Call, fast: Call, keep: Call, backward: Call) -> Call:
    """Return what runs an operator bare where it can, and otherwise as torch knows it.

    Args:
        name: Of the operator.
        op: As ``torch.library`` has it.
        fast: The same on a CPU.
        keep: What ``op`` sets up for its gradient, given a context, the inputs and the output.
        backward: Its gradient, which calls other operators in the same way.
    """

    class Bare(torch.autograd.Function):
        # Torch takes 0.04 ms to see which arguments these are where the context is set up in a function of its own.
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            output = fast(*inputs)
            keep(ctx, inputs, output)
            return output

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return backward(ctx, *grads)

    def run(x: Tensor, *rest: Any) -> Any:
        if not is_bare(name, x):
            return op(x, *rest)
        if torch.is_grad_enabled() and (x.requires_grad or any(isinstance(each, Tensor) and each.requires_grad for each in rest)):
            return Bare.apply(x, *rest)
        return fast(x, *rest)

    return run


def is_bare(name: str, x: Tensor) -> bool:
    """Say whether an operator runs bare for a tensor: one of torch's own on a CPU, with nothing that traces or maps what is done."""
    if torch.compiler.is_compiling() or x.device.type != "cpu" or type(x) not in _PLAIN:
        return False
    # Batches of gradients are mapped in another way than by torch.func, and neither is told of in public.
    mapped = torch._C._are_functorch_transforms_active() or torch._C._functorch.is_legacy_batchedtensor(x)
    return not mapped and route(name, x) == "cpu"
