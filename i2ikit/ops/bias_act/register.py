"""bias_act as torch knows it: its implementations, shapes, and gradients of every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.bias_act import cpu, reference
from i2ikit.ops.bias_act.activations import ACTIVATIONS, is_constant_slope, is_slope_in_result
from i2ikit.ops.choice import attempt, route
from i2ikit.ops.eager_route import either
from i2ikit.ops.memory_format import in_order_of, memory_format

Out = TypeVar("Out")


@torch.library.custom_op("i2ikit::bias_act", mutates_args=())
def bias_act_op(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias)); see ``i2ikit.ops.bias_act``."""
    arguments = (x, bias, noise, activation, alpha, gain, _stored(clamp, x), dim)

    def plain() -> Tensor:
        return reference.bias_act(*arguments).contiguous(memory_format=memory_format(x))

    def fused() -> Tensor:
        from i2ikit.ops.bias_act import kernel

        return kernel.bias_act(*arguments)

    return _routed(x, lambda: cpu.bias_act(*arguments), fused, plain)


@torch.library.custom_op("i2ikit::bias_act_backward", mutates_args=())
def bias_act_backward_op(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x, and of the bias in float32 or better, empty unless ``sums`` asks for it.

    ``known`` is x, or with ``from_result`` the result, and then bias and noise are None.
    """
    arguments = (grad, known, bias, noise, activation, alpha, gain, _stored(clamp, known), dim, from_result, sums)

    def plain() -> tuple[Tensor, Tensor]:
        dx, dbias = reference.bias_act_backward(*arguments)
        return dx.contiguous(memory_format=memory_format(known)), dbias

    def fused() -> tuple[Tensor, Tensor]:
        from i2ikit.ops.bias_act import kernel

        return kernel.bias_act_backward(*arguments)

    return _routed(known, lambda: cpu.bias_act_backward(*arguments), fused, plain)


def _fast(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    return cpu.bias_act(x, bias, noise, activation, alpha, gain, _stored(clamp, x), dim)


def _fast_backward(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return cpu.bias_act_backward(grad, known, bias, noise, activation, alpha, gain, _stored(clamp, known), dim, from_result, sums)


def _routed(x: Tensor, fast: Callable[[], Out], fused: Callable[[], Out], plain: Callable[[], Out]) -> Out:
    chosen = route("bias_act", x)
    if chosen == "cpu":
        return fast()
    # A kernel cannot be started with no programs.
    return attempt("bias_act", x.device, fused, plain) if chosen == "triton" and x.numel() > 0 else plain()


def _stored(clamp: float | None, x: Tensor) -> float | None:
    """Return the limit as the dtype of x holds it: 0.7 is 0.699 in bfloat16, and a result of 0.699 has to count as clamped."""
    return None if clamp is None else torch.tensor(clamp, dtype=x.dtype, device="cpu").item()


@bias_act_op.register_fake
def _(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    return torch.empty_like(x, memory_format=memory_format(x))


@bias_act_backward_op.register_fake
def _(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    dx = torch.empty_like(known, memory_format=memory_format(known))
    wide = torch.promote_types(known.dtype, torch.float32)
    return dx, known.new_empty(known.shape[dim] if sums else 0, dtype=wide)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, bias, noise, ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim = inputs
    ctx.bias_dtype = None if bias is None else bias.dtype
    ctx.noise_kind = None if noise is None else (noise.dtype, noise.shape[0] != x.shape[0])
    ctx.from_result = is_slope_in_result(ctx.activation, ctx.alpha, ctx.gain)
    if is_constant_slope(ctx.activation, ctx.clamp):
        ctx.save_for_backward()
    elif ctx.from_result:
        ctx.save_for_backward(output, None, None)
    else:
        ctx.save_for_backward(x, bias, noise)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    wants_bias, wants_noise = ctx.needs_input_grad[1:3]
    if is_constant_slope(ctx.activation, ctx.clamp):
        dx = grad * ctx.gain if ctx.gain != 1 else grad
        dbias = reference.bias_sum(dx, ctx.dim) if wants_bias else None
    else:
        known, bias, noise = ctx.saved_tensors
        settings = (ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result)
        dx, dbias = bias_act_backward(grad, known, bias, noise, *settings, wants_bias)
    dbias = dbias.to(ctx.bias_dtype) if wants_bias and dbias is not None else None
    dnoise = _noise_sum(dx, ctx.noise_kind[1]).to(ctx.noise_kind[0]) if wants_noise else None
    return dx, dbias, dnoise, None, None, None, None, None


def _noise_sum(dx: Tensor, shared: bool) -> Tensor:
    wide = torch.promote_types(dx.dtype, torch.float32)
    return dx.sum((0, 1) if shared else 1, keepdim=True, dtype=wide)


def _keep_twice(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    grad, known, bias, noise, ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result, ctx.sums = inputs
    curved = not ACTIVATIONS[ctx.activation].piecewise_linear
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(grad if curved else None, known, bias, noise)


def _backward_twice(ctx: Any, ddx: Tensor | None, ddbias: Tensor | None) -> tuple[Tensor | None, ...]:
    """Differentiate dx = grad * gain * act'(z), and its sum dbias, where ddx and ddbias are the gradients that come in."""
    grad, known, bias, noise = ctx.saved_tensors
    none = (None,) * 11
    above = _above(ddx, ddbias if ctx.sums else None, known, ctx.dim)
    if above is None:
        return none
    settings = (ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result)
    dgrad = bias_act_backward(above, known, bias, noise, *settings, False)[0] if ctx.needs_input_grad[0] else None
    if grad is None or not any(ctx.needs_input_grad[1:4]):
        return dgrad, *none[1:]
    # In torch's own operations, so that any further order follows by itself.
    z = reference.summed(known, bias, noise, ctx.dim)
    dz = above.to(z.dtype) * grad.to(z.dtype) * ctx.gain * reference.curvature(z, ctx.activation)
    if ctx.clamp is not None:
        value = ctx.gain * reference.activated(z.detach(), ctx.activation, ctx.alpha)
        dz = torch.where(value.abs() < ctx.clamp, dz, 0.0)
    dbias = reference.bias_sum(dz, ctx.dim).to(bias.dtype) if bias is not None and ctx.needs_input_grad[2] else None
    dnoise = _noise_sum(dz, noise.shape[0] != known.shape[0]).to(noise.dtype) if noise is not None and ctx.needs_input_grad[3] else None
    return dgrad, dz.to(known.dtype), dbias, dnoise, *none[4:]


def _above(ddx: Tensor | None, ddbias: Tensor | None, known: Tensor, dim: int) -> Tensor | None:
    if ddbias is None:
        return ddx
    spread = reference.along(ddbias.to(known.dtype), known, dim)
    return in_order_of(spread.expand_as(known), known) if ddx is None else ddx + spread


bias_act_op.register_autograd(_backward, setup_context=_keep)
bias_act_backward_op.register_autograd(_backward_twice, setup_context=_keep_twice)
bias_act = either("bias_act", bias_act_op, _fast, _keep, _backward)
bias_act_backward = either("bias_act", bias_act_backward_op, _fast_backward, _keep_twice, _backward_twice)
# The bias may lie along the axis of images, and its gradient is a sum over them.
vmap.register(bias_act_op, {0, 2}, lambda *given: given[7] > 0)
vmap.register(bias_act_backward_op, {0, 1, 3}, lambda *given: given[8] > 0 and not given[10])
