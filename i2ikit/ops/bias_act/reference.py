"""The definition of bias_act and of its first and second derivatives in plain torch, in float32 or better."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias)) in the dtype of x."""
    return finish(add_bias_and_noise(x, bias, noise, dim), activation, alpha, gain, clamp).to(x.dtype)


def bias_act_backward(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``saved`` is x, or with ``from_result`` the result."""
    wide = torch.promote_types(saved.dtype, torch.float32)
    z = saved.to(wide) if from_result else add_bias_and_noise(saved, bias, noise, dim)
    dx = grad.to(wide) * gain * slope(z, activation, alpha)
    if clamp is not None:
        value = z if from_result else gain * activate(z, activation, alpha)
        dx = torch.where(value.abs() < clamp, dx, 0.0)
    return dx.to(saved.dtype), sum_to_bias(dx, dim) if sums else dx.new_empty(0)


def sum_to_bias(dx: Tensor, dim: int) -> Tensor:
    """Return the sum over all axes but one, in float32 or better: the gradient of a bias."""
    others = [axis for axis in range(dx.ndim) if axis != dim]
    wide = torch.promote_types(dx.dtype, torch.float32)
    return dx.sum(others, dtype=wide) if others else dx.to(wide, copy=True)


def add_bias_and_noise(x: Tensor, bias: Tensor | None, noise: Tensor | None, dim: int) -> Tensor:
    """Return x + bias + noise in float32 or better."""
    wide = torch.promote_types(x.dtype, torch.float32)
    z = x.to(wide)
    if bias is not None:
        z = z + broadcast_along(bias.to(wide), x, dim)
    return z if noise is None else z + noise.to(wide)


def broadcast_along(bias: Tensor, x: Tensor, dim: int) -> Tensor:
    """Return a vector reshaped so that it broadcasts along one axis of x."""
    return bias.view([-1 if axis == dim else 1 for axis in range(x.ndim)])


def finish(z: Tensor, activation: str, alpha: float, gain: float, clamp: float | None) -> Tensor:
    """Return clamp(gain * act(z))."""
    y = activate(z, activation, alpha) * gain
    return y if clamp is None else y.clamp(-clamp, clamp)


def activate(z: Tensor, activation: str, alpha: float) -> Tensor:
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
    """Return act'(z); at a kink, the slope for z < 0."""
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
