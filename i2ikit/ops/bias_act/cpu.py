"""The fast CPU implementation of bias_act: one operation that allocates the result, and as few in-place operations as possible.

All of them run in the dtype of x: with float32 in between, bfloat16 would move three times as many bytes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE
from i2ikit.ops.bias_act.reference import broadcast_along, sum_to_bias
from i2ikit.ops.memory_format import get_memory_format, match_memory_format

aten = torch.ops.aten


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int,
    *, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return clamp(gain * act(x + noise + bias)), written to ``out`` if that is given. ``out`` may be x."""
    y = torch.empty_like(x, memory_format=get_memory_format(x)) if out is None else out
    if activation == "linear" or (activation in {"relu", "lrelu"} and gain > 0):
        # For these, the gain may be applied before the activation, as part of the first addition.
        z = _add_bias_and_noise(y, x, bias, noise, gain, dim)
        gain = 1.0
    else:
        z = _add_bias_and_noise(y, x, bias, noise, 1.0, dim)
    if activation == "relu" and gain == 1:
        return torch.clamp(z, 0, clamp, out=y)
    _activate(y, z, activation, alpha)
    if gain != 1:
        y.mul_(gain)
    return y if clamp is None else y.clamp_(-clamp, clamp)


def bias_act_backward(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``saved`` is x, or with ``from_result`` the result."""
    dx = torch.empty_like(saved, memory_format=get_memory_format(saved))
    grad = match_memory_format(grad, saved)
    if from_result:
        _write_slope_from_result(dx, grad, saved, activation, alpha, clamp)
    else:
        z = _add_bias_and_noise(torch.empty_like(dx), saved, bias, noise, 1.0, dim)
        _write_slope(dx, grad, z, activation, alpha)
        if clamp is not None:
            value = torch.empty_like(dx)
            _activate(value, z, activation, alpha)
            aten.hardtanh_backward.grad_input(dx, value.mul_(gain), -clamp, clamp, grad_input=dx)
    if gain != 1:
        dx.mul_(gain)
    return dx, sum_to_bias(dx, dim) if sums else dx.new_empty(0, dtype=torch.promote_types(dx.dtype, torch.float32))


def _add_bias_and_noise(target: Tensor, x: Tensor, bias: Tensor | None, noise: Tensor | None, gain: float, dim: int) -> Tensor:
    """Write gain * (x + bias + noise) to the target and return it; return x itself if nothing changes."""
    wide = torch.promote_types(x.dtype, torch.float32)
    added = [each for each in (None if bias is None else broadcast_along(bias, x, dim), noise) if each is not None]
    if not added:
        return x if gain == 1 else torch.mul(x, gain, out=target)
    first, *rest = [(each.to(wide) * gain).to(x.dtype) if gain != 1 else each.to(x.dtype) for each in added]
    torch.add(first, x, alpha=gain, out=target)
    for each in rest:
        target.add_(each)
    return target


def _activate(target: Tensor, z: Tensor, activation: str, alpha: float) -> None:
    """Write act(z) to the target, which may be z."""
    match activation:
        case "linear":
            if target is not z:
                target.copy_(z)
        case "relu":
            torch.clamp(z, min=0, out=target)
        case "lrelu":
            aten.leaky_relu.out(z, alpha, out=target)
        case "tanh":
            torch.tanh(z, out=target)
        case "sigmoid":
            torch.sigmoid(z, out=target)
        case "elu":
            aten.elu.out(z, out=target)
        case "selu":
            aten.elu.out(z, SELU_ALPHA, SELU_SCALE, out=target)
        case "softplus":
            aten.softplus.out(z, out=target)
        case "swish":
            aten.silu.out(z, out=target)


def _write_slope_from_result(dx: Tensor, grad: Tensor, y: Tensor, activation: str, alpha: float, clamp: float | None) -> None:
    """Write grad times the slope, which follows from the sign of the result and is zero where the result was clamped."""
    if clamp is None:
        _write_slope(dx, grad, y, activation, alpha)
    elif activation == "lrelu":
        _write_slope(dx, grad, y, activation, alpha)
        aten.hardtanh_backward.grad_input(dx, y, -clamp, clamp, grad_input=dx)
    else:
        aten.hardtanh_backward.grad_input(grad, y, 0 if activation == "relu" else -clamp, clamp, grad_input=dx)


def _write_slope(dx: Tensor, grad: Tensor, z: Tensor, activation: str, alpha: float) -> None:
    """Write grad * act'(z)."""
    match activation:
        case "linear":
            dx.copy_(grad)
        case "relu":
            aten.threshold_backward.grad_input(grad, z, 0, grad_input=dx)
        case "lrelu":
            aten.leaky_relu_backward.grad_input(grad, z, alpha, False, grad_input=dx)
        case "tanh":
            aten.tanh_backward.grad_input(grad, z.tanh(), grad_input=dx)
        case "sigmoid":
            aten.sigmoid_backward.grad_input(grad, z.sigmoid(), grad_input=dx)
        case "elu":
            aten.elu_backward.grad_input(grad, 1, 1, 1, False, z, grad_input=dx)
        case "selu":
            aten.elu_backward.grad_input(grad, SELU_ALPHA, SELU_SCALE, 1, False, z, grad_input=dx)
        case "softplus":
            aten.softplus_backward.grad_input(grad, z, 1, 20, grad_input=dx)
        case "swish":
            aten.silu_backward.grad_input(grad, z, grad_input=dx)
