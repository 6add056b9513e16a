"""The definition of bias_act and of its first and second derivative in plain torch, in float32 or better."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias)) in the dtype of x."""
    return result(summed(x, bias, noise, dim), activation, alpha, gain, clamp).to(x.dtype)


def bias_act_backward(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``known`` is x, or the result where ``from_result`` says so."""
    wide = torch.promote_types(known.dtype, torch.float32)
    z = known.to(wide) if from_result else summed(known, bias, noise, dim)
    dx = grad.to(wide) * gain * slope(z, activation, alpha)
    if clamp is not None:
        value = z if from_result else gain * activated(z, activation, alpha)
        dx = torch.where(value.abs() < clamp, dx, 0.0)
    return dx.to(known.dtype), bias_sum(dx, dim) if sums else dx.new_empty(0)


def bias_sum(dx: Tensor, dim: int) -> Tensor:
    """Sum over all axes but one, in float32 or better."""
    others = [axis for axis in range(dx.ndim) if axis != dim]
    wide = torch.promote_types(dx.dtype, torch.float32)
    return dx.sum(others, dtype=wide) if others else dx.to(wide, copy=True)


def summed(x: Tensor, bias: Tensor | None, noise: Tensor | None, dim: int) -> Tensor:
    """Return x + bias + noise in float32 or better."""
    wide = torch.promote_types(x.dtype, torch.float32)
    z = x.to(wide)
    if bias is not None:
        z = z + along(bias.to(wide), x, dim)
    return z if noise is None else z + noise.to(wide)


def along(bias: Tensor, x: Tensor, dim: int) -> Tensor:
    """Return a vector as it broadcasts along one axis of x."""
    return bias.view([-1 if axis == dim else 1 for axis in range(x.ndim)])


def result(z: Tensor, activation: str, alpha: float, gain: float, clamp: float | None) -> Tensor:
    """Return clamp(gain * act(z))."""
    y = activated(z, activation, alpha) * gain
    return y if clamp is None else y.clamp(-clamp, clamp)


def activated(z: Tensor, activation: str, alpha: float) -> Tensor:
    """Return act(z)."""
    if activation == "lrelu":
        return F.leaky_relu(z, alpha)
    functions = {
        "linear": torch.clone,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "elu": F.elu,
        "selu": F.selu,
        "softplus": F.softplus,
        "swish": F.silu,
    }
    return functions[activation](z)


def slope(z: Tensor, activation: str, alpha: float) -> Tensor:
    """Return act'(z), and below zero's side of it at a kink."""
    if activation == "linear":
        return torch.ones_like(z)
    if activation in {"relu", "lrelu"}:
        return torch.where(z > 0, 1.0, alpha if activation == "lrelu" else 0.0).to(z.dtype)
    if activation == "tanh":
        return 1 - z.tanh().square()
    if activation == "elu":
        return z.clamp(max=0).exp()
    if activation == "selu":
        return SELU_SCALE * torch.where(z > 0, 1.0, SELU_ALPHA * z.clamp(max=0).exp())
    s = z.sigmoid()
    if activation == "softplus":
        return s
    return s * (1 + z * (1 - s)) if activation == "swish" else s * (1 - s)


def curvature(z: Tensor, activation: str) -> Tensor:
    """Return act''(z) of an activation that is not piecewise linear."""
    if activation == "tanh":
        t = z.tanh()
        return -2 * t * (1 - t.square())
    if activation in {"elu", "selu"}:
        below = torch.where(z > 0, 0.0, z.clamp(max=0).exp())
        return below if activation == "elu" else SELU_SCALE * SELU_ALPHA * below
    s = z.sigmoid()
    if activation == "softplus":
        return s * (1 - s)
    return s * (1 - s) * (2 + z * (1 - 2 * s)) if activation == "swish" else s * (1 - s) * (1 - 2 * s)
