"""The fast route of bias_act on a CPU: one operation that makes the result, and as few as can be that then change it in place.

Every step runs in the dtype of x, for bfloat16 would otherwise move three times the bytes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE
from i2ikit.ops.bias_act.reference import along, bias_sum
from i2ikit.ops.memory_format import in_order_of, memory_format

aten = torch.ops.aten


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int,
    *, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return clamp(gain * act(x + noise + bias)), in ``out`` where that is given, which may be x."""
    y = torch.empty_like(x, memory_format=memory_format(x)) if out is None else out
    if activation == "linear" or (activation in {"relu", "lrelu"} and gain > 0):
        # These may be multiplied before they are activated, and so within the first addition.
        z = _sum(y, x, bias, noise, gain, dim)
        gain = 1.0
    else:
        z = _sum(y, x, bias, noise, 1.0, dim)
    if activation == "relu" and gain == 1:
        return torch.clamp(z, 0, clamp, out=y)
    _activate(y, z, activation, alpha)
    if gain != 1:
        y.mul_(gain)
    return y if clamp is None else y.clamp_(-clamp, clamp)


def bias_act_backward(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``known`` is x, or the result where ``from_result`` says so."""
    dx = torch.empty_like(known, memory_format=memory_format(known))
    grad = in_order_of(grad, known)
    if from_result:
        _result_slope(dx, grad, known, activation, alpha, clamp)
    else:
        z = _sum(torch.empty_like(dx), known, bias, noise, 1.0, dim)
        _slope(dx, grad, z, activation, alpha)
        if clamp is not None:
            value = torch.empty_like(dx)
            _activate(value, z, activation, alpha)
            aten.hardtanh_backward.grad_input(dx, value.mul_(gain), -clamp, clamp, grad_input=dx)
    if gain != 1:
        dx.mul_(gain)
    return dx, bias_sum(dx, dim) if sums else dx.new_empty(0, dtype=torch.promote_types(dx.dtype, torch.float32))


def _sum(target: Tensor, x: Tensor, bias: Tensor | None, noise: Tensor | None, gain: float, dim: int) -> Tensor:
    """Return gain * (x + bias + noise): in the target, or x itself where nothing is to be done."""
    wide = torch.promote_types(x.dtype, torch.float32)
    added = [each for each in (None if bias is None else along(bias, x, dim), noise) if each is not None]
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


def _result_slope(dx: Tensor, grad: Tensor, y: Tensor, activation: str, alpha: float, clamp: float | None) -> None:
    """Write grad times the slope that the sign of the result tells, zero where it was clamped."""
    if clamp is None:
        _slope(dx, grad, y, activation, alpha)
    elif activation == "lrelu":
        _slope(dx, grad, y, activation, alpha)
        aten.hardtanh_backward.grad_input(dx, y, -clamp, clamp, grad_input=dx)
    else:
        aten.hardtanh_backward.grad_input(grad, y, 0 if activation == "relu" else -clamp, clamp, grad_input=dx)


def _slope(dx: Tensor, grad: Tensor, z: Tensor, activation: str, alpha: float) -> None:
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
