"""Registration of upfirdn_act with ``torch.library``. Its gradients are those of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.bias_act.activations import is_constant_slope, is_slope_in_result
from i2ikit.ops.bias_act.reference import sum_to_bias
from i2ikit.ops.bias_act.register import bias_act_backward
from i2ikit.ops.eager_route import add_eager_route
from i2ikit.ops.implementations import get_implementation, try_kernel
from i2ikit.ops.memory_format import disable_autocast, get_memory_format, make_contiguous, match_memory_format
from i2ikit.ops.upfirdn.geometry import adjoint_padding, result_size
from i2ikit.ops.upfirdn.register import can_use_kernel, upfirdn
from i2ikit.ops.upfirdn_act import cpu, reference


@torch.library.custom_op("i2ikit::upfirdn_act", mutates_args=())
def upfirdn_act_op(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip; see ``i2ikit.ops.upfirdn_act``."""
    x, memory_format, implementation = make_contiguous(x), get_memory_format(x), get_implementation("upfirdn_act", x)
    skip = None if skip is None else match_memory_format(skip, x)
    arguments = (x, fir, scale, bias, noise, style, skip, up, down, padding, flip, gain, activation, alpha, act_gain, clamp)
    if implementation == "cpu":
        return _run_cpu(*arguments)

    def run_reference() -> Tensor:
        return reference.upfirdn_act(*arguments).contiguous(memory_format=memory_format)

    def run_kernel() -> Tensor:
        from i2ikit.ops.upfirdn import kernel

        return kernel.upfirdn_act(*arguments)

    if implementation == "triton" and can_use_kernel(x, fir, up, down, padding):
        return try_kernel("upfirdn_act", x.device, run_kernel, run_reference)
    return run_reference()


def _run_cpu(x: Tensor, fir: Tensor, *rest: Any) -> Tensor:
    with disable_autocast(x):
        return cpu.upfirdn_act(make_contiguous(x), fir, *rest)


@upfirdn_act_op.register_fake
def _(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    size = result_size(x.shape[2:], fir.shape, up, down, padding)
    return x.new_empty(*x.shape[:2], *size).contiguous(memory_format=get_memory_format(x))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, fir, scale, bias, noise, style, skip, *ctx.settings = inputs
    activation, alpha, act_gain = ctx.settings[5:8]
    ctx.size = x.shape[2:]
    ctx.parameter_types = [None if each is None else (each.dtype, each.shape) for each in (bias, noise)]
    # If the slope is a constant, or follows from the result, the gradient needs neither the filtered maps nor the activation's input.
    is_constant = is_constant_slope(activation, ctx.settings[8])
    ctx.from_result = style is None and (is_constant or (skip is None and is_slope_in_result(activation, alpha, act_gain)))
    if ctx.from_result:
        ctx.save_for_backward(x if ctx.needs_input_grad[2] else None, fir, scale, None if is_constant else output)
    else:
        ctx.save_for_backward(x, fir, scale, bias, noise, style)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return (*(_backward_from_result if ctx.from_result else _backward_from_inputs)(ctx, grad), *(None,) * 9)


def _backward_from_result(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, fir, scale, y = ctx.saved_tensors
    up, down, padding, flip, gain, activation, alpha, act_gain, clamp = ctx.settings
    needs_x, _, needs_scale, needs_bias, needs_noise, _, needs_skip, *_ = ctx.needs_input_grad
    if is_constant_slope(activation, clamp):
        dz = grad * act_gain if act_gain != 1 else grad
        dbias = sum_to_bias(dz, 1) if needs_bias else None
    else:
        dz, dbias = bias_act_backward(grad, y, None, None, activation, alpha, act_gain, clamp, 1, True, needs_bias)
    wide = torch.promote_types(dz.dtype, torch.float32)
    dx = dscale = dnoise = None
    if needs_x:
        dfiltered = dz if scale is None else dz * reference.broadcast_over_pixels(scale, dz)
        dx = upfirdn(dfiltered, fir, down, up, adjoint_padding(ctx.size, fir.shape, up, down, padding), not flip, gain)
    if needs_scale:  # filtered again: to divide the result by the scale would not be exact
        filtered = upfirdn(x, fir, up, down, padding, flip, gain)
        dscale = (dz * filtered).sum((2, 3), dtype=wide).to(scale.dtype)
    if needs_noise:
        dtype, shape = ctx.parameter_types[1]
        dnoise = dz.sum(1 if shape[0] == dz.shape[0] else (0, 1), keepdim=True, dtype=wide).to(dtype)
    dbias = dbias.to(ctx.parameter_types[0][0]) if needs_bias and dbias is not None else None
    return dx, None, dscale, dbias, dnoise, None, grad if needs_skip else None


def _backward_from_inputs(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    tensors, create_graph = ctx.saved_tensors, torch.is_grad_enabled()
    gradients: list[Tensor | None] = [None] * 7
    if ctx.needs_input_grad[6]:  # the skip is added last: its gradient is the incoming one
        gradients[6] = grad
    needed_indices = [index for index, needed in enumerate(ctx.needs_input_grad[:6]) if needed]
    if not needed_indices:
        return tuple(gradients)
    with torch.enable_grad():
        # Views, connected to the saved tensors, so that this gradient can itself be differentiated.
        copies = [None if each is None else each.view_as(each) for each in tensors]
        result = reference.upfirdn_act(*copies, None, *ctx.settings)  # type: ignore[arg-type, call-arg]
        grads = torch.autograd.grad(result, [copies[index] for index in needed_indices], grad, create_graph=create_graph)  # type: ignore[arg-type]
    for index, value in zip(needed_indices, grads, strict=True):
        gradients[index] = value
    return tuple(gradients)


upfirdn_act_op.register_autograd(_backward, setup_context=_setup_context)
upfirdn_act = add_eager_route("upfirdn_act", upfirdn_act_op, _run_cpu, _setup_context, _backward)
vmap.register(upfirdn_act_op, {0, 2, 4, 5, 6})
