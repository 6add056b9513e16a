"""upfirdn_act as torch knows it: its implementations, shapes and gradients, which are those of the operators it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.bias_act.activations import is_constant_slope, is_slope_in_result
from i2ikit.ops.bias_act.reference import bias_sum
from i2ikit.ops.bias_act.register import bias_act_backward
from i2ikit.ops.choice import attempt, route
from i2ikit.ops.eager_route import either
from i2ikit.ops.memory_format import in_order, in_order_of, memory_format, own_dtype
from i2ikit.ops.upfirdn.geometry import adjoint_padding, result_size
from i2ikit.ops.upfirdn.register import fits, upfirdn
from i2ikit.ops.upfirdn_act import cpu, reference


@torch.library.custom_op("i2ikit::upfirdn_act", mutates_args=())
def upfirdn_act_op(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip; see ``i2ikit.ops.upfirdn_act``."""
    x, order, chosen = in_order(x), memory_format(x), route("upfirdn_act", x)
    skip = None if skip is None else in_order_of(skip, x)
    arguments = (x, fir, scale, bias, noise, style, skip, up, down, padding, flip, gain, activation, alpha, act_gain, clamp)
    if chosen == "cpu":
        return _fast(*arguments)

    def plain() -> Tensor:
        return reference.upfirdn_act(*arguments).contiguous(memory_format=order)

    def fused() -> Tensor:
        from i2ikit.ops.upfirdn import kernel

        return kernel.upfirdn_act(*arguments)

    return attempt("upfirdn_act", x.device, fused, plain) if chosen == "triton" and fits(x, fir, up, down, padding) else plain()


def _fast(x: Tensor, fir: Tensor, *rest: Any) -> Tensor:
    with own_dtype(x):
        return cpu.upfirdn_act(in_order(x), fir, *rest)


@upfirdn_act_op.register_fake
def _(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    size = result_size(x.shape[2:], fir.shape, up, down, padding)
    return x.new_empty(*x.shape[:2], *size).contiguous(memory_format=memory_format(x))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, fir, scale, bias, noise, style, skip, *ctx.settings = inputs
    activation, alpha, act_gain = ctx.settings[5:8]
    ctx.size = x.shape[2:]
    ctx.kinds = [None if each is None else (each.dtype, each.shape) for each in (bias, noise)]
    # Where the slope is a number, or the result tells it, neither the filtered maps nor the sum before the activation are needed again.
    constant = is_constant_slope(activation, ctx.settings[8])
    ctx.from_result = style is None and (constant or (skip is None and is_slope_in_result(activation, alpha, act_gain)))
    if ctx.from_result:
        ctx.save_for_backward(x if ctx.needs_input_grad[2] else None, fir, scale, None if constant else output)
    else:
        ctx.save_for_backward(x, fir, scale, bias, noise, style)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return (*(_from_result if ctx.from_result else _from_inputs)(ctx, grad), *(None,) * 9)


def _from_result(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, fir, scale, y = ctx.saved_tensors
    up, down, padding, flip, gain, activation, alpha, act_gain, clamp = ctx.settings
    wants_x, _, wants_scale, wants_bias, wants_noise, _, wants_skip, *_ = ctx.needs_input_grad
    if is_constant_slope(activation, clamp):
        dz = grad * act_gain if act_gain != 1 else grad
        dbias = bias_sum(dz, 1) if wants_bias else None
    else:
        dz, dbias = bias_act_backward(grad, y, None, None, activation, alpha, act_gain, clamp, 1, True, wants_bias)
    wide = torch.promote_types(dz.dtype, torch.float32)
    dx = dscale = dnoise = None
    if wants_x:
        du = dz if scale is None else dz * reference.over_pixels(scale, dz)
        dx = upfirdn(du, fir, down, up, adjoint_padding(ctx.size, fir.shape, up, down, padding), not flip, gain)
    if wants_scale:  # filtered again: dividing by the scale what is known of the result would not be exact
        filtered = upfirdn(x, fir, up, down, padding, flip, gain)
        dscale = (dz * filtered).sum((2, 3), dtype=wide).to(scale.dtype)
    if wants_noise:
        dtype, shape = ctx.kinds[1]
        dnoise = dz.sum(1 if shape[0] == dz.shape[0] else (0, 1), keepdim=True, dtype=wide).to(dtype)
    dbias = dbias.to(ctx.kinds[0][0]) if wants_bias and dbias is not None else None
    return dx, None, dscale, dbias, dnoise, None, grad if wants_skip else None


def _from_inputs(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    tensors, again = ctx.saved_tensors, torch.is_grad_enabled()
    gradients: list[Tensor | None] = [None] * 7
    if ctx.needs_input_grad[6]:  # a skip is added last: its gradient is the one that comes in, and needs no map
        gradients[6] = grad
    wanted = [index for index, needed in enumerate(ctx.needs_input_grad[:6]) if needed]
    if not wanted:
        return tuple(gradients)
    with torch.enable_grad():
        # Connected copies: the gradient of this gradient goes on to the tensors themselves.
        copies = [None if each is None else each.view_as(each) for each in tensors]
        result = reference.upfirdn_act(*copies, None, *ctx.settings)  # type: ignore[arg-type, call-arg]
        found = torch.autograd.grad(result, [copies[index] for index in wanted], grad, create_graph=again)  # type: ignore[arg-type]
    for index, value in zip(wanted, found, strict=True):
        gradients[index] = value
    return tuple(gradients)


upfirdn_act_op.register_autograd(_backward, setup_context=_keep)
upfirdn_act = either("upfirdn_act", upfirdn_act_op, _fast, _keep, _backward)
vmap.register(upfirdn_act_op, {0, 2, 4, 5, 6})
