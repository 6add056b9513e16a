"""The definition of adain and of its gradient, in plain torch. The gradient is differentiable itself."""

from __future__ import annotations

import torch
from torch import Tensor

SLOPE = 0.2


def adain(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result [B, C, H, W], and the mean and one over the standard deviation of each map [B, C]."""
    normal, mean, rstd = _normalized(x, eps)
    y = _affine(normal, scale, shift)
    if residual is not None:
        y = y + residual.to(y.dtype)
    if activation is not None:
        y = torch.relu(y) if activation == "relu" else torch.nn.functional.leaky_relu(y, SLOPE)
    return y.to(x.dtype), mean.flatten(1), rstd.flatten(1)


def adain_backward(
    grad: Tensor, x: Tensor, scale: Tensor | None, shift: Tensor | None, y: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual, the middle two [B, C] and in float32 or better.

    The activation's derivative is taken at y, or where that is None, at what x is made to without a residual.
    """
    normal, _, rstd = _normalized(x, eps)
    inner = grad.to(normal.dtype)
    if activation is not None:
        inner = through(inner, _affine(normal, scale, shift) if y is None else y, activation)
    dshift, dscale = inner.sum((2, 3)), (inner * normal).sum((2, 3))
    mixed = (dshift[..., None, None] + normal * dscale[..., None, None]) / (x.shape[2] * x.shape[3])
    dx = _affine((inner - mixed) * rstd, scale, None)
    return dx.to(x.dtype), dscale, dshift, inner.to(x.dtype)


def through(grad: Tensor, y: Tensor, activation: str) -> Tensor:
    """Take a gradient back through the activation, whose result, or what went into it, is y: both have the same sign."""
    below = y.detach() <= 0
    return grad.masked_fill(below, 0) if activation == "relu" else torch.where(below, grad * SLOPE, grad)


def _normalized(x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    maps = x.to(torch.promote_types(x.dtype, torch.float32))
    mean = maps.mean((2, 3), keepdim=True)
    centred = maps - mean
    rstd = (centred.square().mean((2, 3), keepdim=True) + eps).rsqrt()
    return centred * rstd, mean, rstd


def _affine(maps: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    if scale is not None:
        maps = maps * scale.to(maps.dtype)[..., None, None]
    if shift is not None:
        maps = maps + shift.to(maps.dtype)[..., None, None]
    return maps
