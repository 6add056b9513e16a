"""Registration of bias_act with ``torch.library``: implementations, shapes, and gradients of every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from i2ikit.ops import vmap
from i2ikit.ops.bias_act import cpu, reference
from i2ikit.ops.bias_act.activations import ACTIVATIONS, is_constant_slope, is_slope_in_result
from i2ikit.ops.eager_route import add_eager_route
from i2ikit.ops.implementations import get_implementation, try_kernel
from i2ikit.ops.memory_format import get_memory_format, match_memory_format

Out = TypeVar("Out")


@torch.library.custom_op("i2ikit::bias_act", mutates_args=())
def bias_act_op(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias)); see ``i2ikit.ops.bias_act``."""
    arguments = (x, bias, noise, activation, alpha, gain, _round_to_dtype(clamp, x), dim)

    def run_reference() -> Tensor:
        return reference.bias_act(*arguments).contiguous(memory_format=get_memory_format(x))

    def run_kernel() -> Tensor:
        from i2ikit.ops.bias_act import kernel

        return kernel.bias_act(*arguments)

    return _dispatch(x, lambda: cpu.bias_act(*arguments), run_kernel, run_reference)


@torch.library.custom_op("i2ikit::bias_act_backward", mutates_args=())
def bias_act_backward_op(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x, and of the bias in float32 or better; the latter is empty without ``sums``.

    ``saved`` is x, or with ``from_result`` the result; in that case bias and noise are None.
    """
    arguments = (grad, saved, bias, noise, activation, alpha, gain, _round_to_dtype(clamp, saved), dim, from_result, sums)

    def run_reference() -> tuple[Tensor, Tensor]:
        dx, dbias = reference.bias_act_backward(*arguments)
        return dx.contiguous(memory_format=get_memory_format(saved)), dbias

    def run_kernel() -> tuple[Tensor, Tensor]:
        from i2ikit.ops.bias_act import kernel

        return kernel.bias_act_backward(*arguments)

    return _dispatch(saved, lambda: cpu.bias_act_backward(*arguments), run_kernel, run_reference)


def _run_cpu(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    return cpu.bias_act(x, bias, noise, activation, alpha, gain, _round_to_dtype(clamp, x), dim)


def _run_cpu_backward(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return cpu.bias_act_backward(grad, saved, bias, noise, activation, alpha, gain, _round_to_dtype(clamp, saved), dim, from_result, sums)


def _dispatch(x: Tensor, run_cpu: Callable[[], Out], run_kernel: Callable[[], Out], run_reference: Callable[[], Out]) -> Out:
    implementation = get_implementation("bias_act", x)
    if implementation == "cpu":
        return run_cpu()
    # A kernel cannot be launched with zero programs.
    return try_kernel("bias_act", x.device, run_kernel, run_reference) if implementation == "triton" and x.numel() > 0 else run_reference()


def _round_to_dtype(clamp: float | None, x: Tensor) -> float | None:
    """Return the clamp rounded to the dtype of x: 0.7 is 0.699 in bfloat16, and a result of 0.699 must count as clamped."""
    return None if clamp is None else torch.tensor(clamp, dtype=x.dtype, device="cpu").item()


@bias_act_op.register_fake
def _(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    return torch.empty_like(x, memory_format=get_memory_format(x))


@bias_act_backward_op.register_fake
def _(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    dx = torch.empty_like(saved, memory_format=get_memory_format(saved))
    wide = torch.promote_types(saved.dtype, torch.float32)
    return dx, saved.new_empty(saved.shape[dim] if sums else 0, dtype=wide)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, bias, noise, ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim = inputs
    ctx.bias_dtype = None if bias is None else bias.dtype
    ctx.noise_type = None if noise is None else (noise.dtype, noise.shape[0] != x.shape[0])
    ctx.from_result = is_slope_in_result(ctx.activation, ctx.alpha, ctx.gain)
    if is_constant_slope(ctx.activation, ctx.clamp):
        ctx.save_for_backward()
    elif ctx.from_result:
        ctx.save_for_backward(output, None, None)
    else:
        ctx.save_for_backward(x, bias, noise)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    needs_bias, needs_noise = ctx.needs_input_grad[1:3]
    if is_constant_slope(ctx.activation, ctx.clamp):
        dx = grad * ctx.gain if ctx.gain != 1 else grad
        dbias = reference.sum_to_bias(dx, ctx.dim) if needs_bias else None
    else:
        saved, bias, noise = ctx.saved_tensors
        settings = (ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result)
        dx, dbias = bias_act_backward(grad, saved, bias, noise, *settings, needs_bias)
    dbias = dbias.to(ctx.bias_dtype) if needs_bias and dbias is not None else None
    dnoise = _sum_to_noise(dx, ctx.noise_type[1]).to(ctx.noise_type[0]) if needs_noise else None
    return dx, dbias, dnoise, None, None, None, None, None


def _sum_to_noise(dx: Tensor, shared: bool) -> Tensor:
    wide = torch.promote_types(dx.dtype, torch.float32)
    return dx.sum((0, 1) if shared else 1, keepdim=True, dtype=wide)


def _setup_backward_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    grad, saved, bias, noise, ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result, ctx.sums = inputs
    curved = not ACTIVATIONS[ctx.activation].piecewise_linear
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(grad if curved else None, saved, bias, noise)


def _double_backward(ctx: Any, ddx: Tensor | None, ddbias: Tensor | None) -> tuple[Tensor | None, ...]:
    """Differentiate dx = grad * gain * act'(z) and its sum dbias; ddx and ddbias are the incoming gradients."""
    grad, saved, bias, noise = ctx.saved_tensors
    none = (None,) * 11
    cotangent = _add_bias_cotangent(ddx, ddbias if ctx.sums else None, saved, ctx.dim)
    if cotangent is None:
        return none
    settings = (ctx.activation, ctx.alpha, ctx.gain, ctx.clamp, ctx.dim, ctx.from_result)
    dgrad = bias_act_backward(cotangent, saved, bias, noise, *settings, False)[0] if ctx.needs_input_grad[0] else None
    if grad is None or not any(ctx.needs_input_grad[1:4]):
        return dgrad, *none[1:]
    # In torch's own operations, which have gradients of any higher order.
    z = reference.add_bias_and_noise(saved, bias, noise, ctx.dim)
    dz = cotangent.to(z.dtype) * grad.to(z.dtype) * ctx.gain * reference.curvature(z, ctx.activation)
    if ctx.clamp is not None:
        value = ctx.gain * reference.activate(z.detach(), ctx.activation, ctx.alpha)
        dz = torch.where(value.abs() < ctx.clamp, dz, 0.0)
    dbias = reference.sum_to_bias(dz, ctx.dim).to(bias.dtype) if bias is not None and ctx.needs_input_grad[2] else None
    dnoise = _sum_to_noise(dz, noise.shape[0] != saved.shape[0]).to(noise.dtype) if noise is not None and ctx.needs_input_grad[3] else None
    return dgrad, dz.to(saved.dtype), dbias, dnoise, *none[4:]


def _add_bias_cotangent(ddx: Tensor | None, ddbias: Tensor | None, saved: Tensor, dim: int) -> Tensor | None:
    if ddbias is None:
        return ddx
    expanded = reference.broadcast_along(ddbias.to(saved.dtype), saved, dim)
    return match_memory_format(expanded.expand_as(saved), saved) if ddx is None else ddx + expanded


bias_act_op.register_autograd(_backward, setup_context=_setup_context)
bias_act_backward_op.register_autograd(_double_backward, setup_context=_setup_backward_context)
bias_act = add_eager_route("bias_act", bias_act_op, _run_cpu, _setup_context, _backward)
bias_act_backward = add_eager_route("bias_act", bias_act_backward_op, _run_cpu_backward, _setup_backward_context, _double_backward)
# A bias along axis 0, and the gradient of a bias, are not independent for each image.
vmap.register(bias_act_op, {0, 2}, lambda *arguments: arguments[7] > 0)
vmap.register(bias_act_backward_op, {0, 1, 3}, lambda *arguments: arguments[8] > 0 and not arguments[10])
