"""The definition of adain and of its gradient, in plain torch. The gradient is itself differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

SLOPE = 0.2


def adain(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the result [B, C, H, W], and the mean and the reciprocal standard deviation of each map [B, C]."""
    normal, mean, rstd = _normalize(x, eps)
    y = _apply_affine(normal, scale, shift)
    if residual is not None:
        y = y + residual.to(y.dtype)
    if activation is not None:
        y = torch.relu(y) if activation == "relu" else torch.nn.functional.leaky_relu(y, SLOPE)
    return y.to(x.dtype), mean.flatten(1), rstd.flatten(1)


def adain_backward(
    grad: Tensor, x: Tensor, scale: Tensor | None, shift: Tensor | None, y: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual; those of scale and shift are [B, C], in float32 or better.

    The activation's derivative is taken at y. If y is None, there was no residual, and y is computed from x again.
    """
    normal, _, rstd = _normalize(x, eps)
    dz = grad.to(normal.dtype)
    if activation is not None:
        dz = activation_backward(dz, _apply_affine(normal, scale, shift) if y is None else y, activation)
    dshift, dscale = dz.sum((2, 3)), (dz * normal).sum((2, 3))
    mean_terms = (dshift[..., None, None] + normal * dscale[..., None, None]) / (x.shape[2] * x.shape[3])
    dx = _apply_affine((dz - mean_terms) * rstd, scale, None)
    return dx.to(x.dtype), dscale, dshift, dz.to(x.dtype)


def activation_backward(grad: Tensor, y: Tensor, activation: str) -> Tensor:
    """Return the gradient before the activation. y is the activation's result or its input, which have the same sign."""
    below = y.detach() <= 0
    return grad.masked_fill(below, 0) if activation == "relu" else torch.where(below, grad * SLOPE, grad)


def _normalize(x: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    maps = x.to(torch.promote_types(x.dtype, torch.float32))
    mean = maps.mean((2, 3), keepdim=True)
    centered = maps - mean
    rstd = (centered.square().mean((2, 3), keepdim=True) + eps).rsqrt()
    return centered * rstd, mean, rstd


def _apply_affine(maps: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
    if scale is not None:
        maps = maps * scale.to(maps.dtype)[..., None, None]
    if shift is not None:
        maps = maps + shift.to(maps.dtype)[..., None, None]
    return maps
