"""upfirdn as torch knows it: its implementations, shapes and gradient, which is the same operator with up and down exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.choice import LARGEST_PLANE, attempt, route
from i2ikit.ops.eager_route import either
from i2ikit.ops.memory_format import in_order, memory_format, own_dtype
from i2ikit.ops.upfirdn import cpu, reference
from i2ikit.ops.upfirdn.geometry import adjoint_padding, result_size


@torch.library.custom_op("i2ikit::upfirdn", mutates_args=())
def upfirdn_op(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] with a filter [kh, kw]; see ``i2ikit.ops.upfirdn``."""
    chosen = route("upfirdn", x)
    if chosen == "cpu":
        return _fast(x, fir, up, down, padding, flip, gain)
    order, arguments = memory_format(x), (in_order(x), fir, up, down, padding, flip, gain)

    def plain() -> Tensor:
        with own_dtype(x):
            return reference.upfirdn(*arguments).contiguous(memory_format=order)

    if chosen == "triton" and fits(x, fir, up, down, padding):

        def fused() -> Tensor:
            from i2ikit.ops.upfirdn import kernel

            return kernel.upfirdn(*arguments)

        return attempt("upfirdn", x.device, fused, plain)
    return plain()


def fits(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int]) -> bool:
    """Say whether the kernels take maps of this size: they hold something, and 32 bits count a plane, or in channels_last an image."""
    height, width = result_size(x.shape[2:], fir.shape, up, down, padding)
    planes = x.shape[1] if memory_format(x) is torch.channels_last else 1
    return x.numel() > 0 and planes * max(height * width, x.shape[2] * x.shape[3]) < LARGEST_PLANE


@upfirdn_op.register_fake
def _(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    size = result_size(x.shape[2:], fir.shape, up, down, padding)
    return x.new_empty(*x.shape[:2], *size).contiguous(memory_format=memory_format(x))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, fir, ctx.up, ctx.down, ctx.padding, ctx.flip, ctx.gain = inputs
    ctx.size = x.shape[2:]
    ctx.save_for_backward(fir)


def _fast(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    order = memory_format(x)
    with own_dtype(x):
        return cpu.upfirdn(x.contiguous(memory_format=order), fir, up, down, padding, flip, gain).contiguous(memory_format=order)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (fir,) = ctx.saved_tensors
    padding = adjoint_padding(ctx.size, fir.shape, ctx.up, ctx.down, ctx.padding)
    dx = upfirdn(grad, fir, ctx.down, ctx.up, padding, not ctx.flip, ctx.gain) if ctx.needs_input_grad[0] else None
    return dx, None, None, None, None, None, None


upfirdn_op.register_autograd(_backward, setup_context=_keep)
upfirdn = either("upfirdn", upfirdn_op, _fast, _keep, _backward)
vmap.register(upfirdn_op, {0})
