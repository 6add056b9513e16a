"""Registration of upfirdn with ``torch.library``. Its gradient is the same operator with up and down exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.eager_route import add_eager_route
from i2ikit.ops.implementations import LARGEST_PLANE, get_implementation, try_kernel
from i2ikit.ops.memory_format import disable_autocast, get_memory_format, make_contiguous
from i2ikit.ops.upfirdn import cpu, reference
from i2ikit.ops.upfirdn.geometry import adjoint_padding, result_size


@torch.library.custom_op("i2ikit::upfirdn", mutates_args=())
def upfirdn_op(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] with a filter [kh, kw]; see ``i2ikit.ops.upfirdn``."""
    implementation = get_implementation("upfirdn", x)
    if implementation == "cpu":
        return _run_cpu(x, fir, up, down, padding, flip, gain)
    memory_format, arguments = get_memory_format(x), (make_contiguous(x), fir, up, down, padding, flip, gain)

    def run_reference() -> Tensor:
        with disable_autocast(x):
            return reference.upfirdn(*arguments).contiguous(memory_format=memory_format)

    if implementation == "triton" and can_use_kernel(x, fir, up, down, padding):

        def run_kernel() -> Tensor:
            from i2ikit.ops.upfirdn import kernel

            return kernel.upfirdn(*arguments)

        return try_kernel("upfirdn", x.device, run_kernel, run_reference)
    return run_reference()


def can_use_kernel(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int]) -> bool:
    """Return whether the kernels support the size: not empty, and 32-bit offsets reach a whole plane, or in channels_last a whole image."""
    height, width = result_size(x.shape[2:], fir.shape, up, down, padding)
    planes = x.shape[1] if get_memory_format(x) is torch.channels_last else 1
    return x.numel() > 0 and planes * max(height * width, x.shape[2] * x.shape[3]) < LARGEST_PLANE


@upfirdn_op.register_fake
def _(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    size = result_size(x.shape[2:], fir.shape, up, down, padding)
    return x.new_empty(*x.shape[:2], *size).contiguous(memory_format=get_memory_format(x))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, fir, ctx.up, ctx.down, ctx.padding, ctx.flip, ctx.gain = inputs
    ctx.size = x.shape[2:]
    ctx.save_for_backward(fir)


def _run_cpu(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    memory_format = get_memory_format(x)
    with disable_autocast(x):
        return cpu.upfirdn(x.contiguous(memory_format=memory_format), fir, up, down, padding, flip, gain).contiguous(
            memory_format=memory_format
        )


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (fir,) = ctx.saved_tensors
    padding = adjoint_padding(ctx.size, fir.shape, ctx.up, ctx.down, ctx.padding)
    dx = upfirdn(grad, fir, ctx.down, ctx.up, padding, not ctx.flip, ctx.gain) if ctx.needs_input_grad[0] else None
    return dx, None, None, None, None, None, None


upfirdn_op.register_autograd(_backward, setup_context=_setup_context)
upfirdn = add_eager_route("upfirdn", upfirdn_op, _run_cpu, _setup_context, _backward)
vmap.register(upfirdn_op, {0})
