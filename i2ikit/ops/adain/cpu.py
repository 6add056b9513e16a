"""The fast CPU implementation of adain.

NCHW: torch's group norm, on the whole batch as one image in which each channel is a group. It is several times as fast as torch's instance
and batch norms, and as exact as computing the mean and the variance in two passes. torch.var is slower still.

channels_last: the group norm's forward pass is fast here too, but it computes the variance as the mean square minus the squared mean, which
loses digits if the mean is large. Its backward pass is slow, and is replaced here.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from i2ikit.ops.adain.reference import SLOPE, activation_backward

# Largest square of the mean, in units of the variance, for which the mean square gives the variance of the largest maps to 2e-5.
MAX_SQUARED_MEAN = 4.0


def adain(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise maps [B, C, H, W] that are contiguous in one of the two memory formats; see the reference."""
    y, mean, rstd = (_forward_nchw if x.is_contiguous() else _forward_channels_last)(x, scale, shift, eps)
    if residual is not None:
        y.add_(residual)
    if activation is not None:
        y = y.relu_() if activation == "relu" else torch.nn.functional.leaky_relu_(y, SLOPE)
    return y, mean.view(x.shape[:2]), rstd.view(x.shape[:2])


def adain_direct(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> Tensor:
    """Return the result for NCHW maps, computed by torch's own operators, whose gradients are as fast."""
    batch, channels, height, width = x.shape
    if all(value is None or value.ndim == 1 for value in (scale, shift)):
        y = torch.nn.functional.group_norm(x, channels, scale, shift, eps)
    else:
        count = batch * channels
        weight, bias = (None if value is None else value.expand(batch, channels).reshape(count) for value in (scale, shift))
        y = torch.nn.functional.group_norm(x.view(1, count, height, width), count, weight, bias, eps).view(x.shape)
    if residual is not None:
        y = y + residual
    if activation is None:
        return y
    return torch.relu_(y) if activation == "relu" else torch.nn.functional.leaky_relu_(y, SLOPE)


def adain_backward(
    grad: Tensor,
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    y: Tensor | None,
    activation: str | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual, for maps in the memory format of x; see the reference."""
    dz = grad
    if activation is not None:
        dz = _activation_backward(grad, _get_preactivation(x, scale, shift, mean, rstd) if y is None else y, activation)
    dx, dscale, dshift = (_backward_nchw if x.is_contiguous() else _backward_channels_last)(dz, x, scale, mean, rstd)
    return dx, dscale, dshift, dz


def _forward_nchw(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    y, mean, rstd = _group_norm(
        x.view(1, batch * channels, height, width), _flatten_factor(scale, x, 1.0), _flatten_factor(shift, x, 0.0), eps
    )
    return y.view(x.shape), mean, rstd


def _backward_nchw(grad: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    count = batch * channels
    dx, dscale, dshift = torch.ops.aten.native_group_norm_backward(
        grad.view(1, count, height, width), x.view(1, count, height, width), mean.view(1, count), rstd.view(1, count),
        _flatten_factor(scale, x, 1.0), 1, count, height * width, count, [True, True, True],
    )  # fmt: skip
    return dx.view(x.shape), dscale.view(batch, channels), dshift.view(batch, channels)


def _forward_channels_last(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    is_single = len(x) == 1  # then the group norm's own weights, one for each channel, are the scale and the shift
    weight, bias = (_flatten_factor(scale, x, 1.0), _flatten_factor(shift, x, 0.0)) if is_single else (_make_ones(x), _make_zeros(x))
    y, mean, rstd = _group_norm(x, weight, bias, eps)
    if bool((mean * rstd).square().gt(MAX_SQUARED_MEAN).any()):
        y, rest, rstd = _group_norm(x - mean.view(*x.shape[:2], 1, 1), weight, bias, eps)
        y, mean = y.to(x.dtype), mean + rest
    if not is_single and (scale is not None or shift is not None):
        wide = mean.dtype
        factor = mean.new_ones(()) if scale is None else _add_pixel_axes(scale.to(wide))
        term = mean.new_zeros(()) if shift is None else _add_pixel_axes(shift.to(wide))
        y = torch.addcmul(term, y, factor, out=y) if y.dtype == wide else (y * factor).add_(term).to(y.dtype)
    return y, mean, rstd


def _backward_channels_last(grad: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wide, area = mean.dtype, x.shape[2] * x.shape[3]
    grad = grad.to(wide)
    dshift = grad.sum((2, 3))
    centered = x - _add_pixel_axes(mean)  # in float32 or better, like the mean
    product = grad * centered
    dscale = product.sum((2, 3)) * rstd
    factor = rstd if scale is None else rstd * scale.to(wide)
    # dx = factor * (grad - (dshift + (x - mean) * rstd * dscale) / area), in two passes over memory that is already allocated
    dx = torch.addcmul(_add_pixel_axes(factor * dshift / -area), grad, _add_pixel_axes(factor), out=product)
    dx.addcmul_(centered, _add_pixel_axes(factor * rstd * dscale / -area))
    return dx.to(x.dtype), dscale, dshift


def _group_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    y, mean, rstd = torch.native_group_norm(x, weight, bias, batch, channels, height * width, channels, eps)
    return y, mean, rstd


def _get_preactivation(x: Tensor, scale: Tensor | None, shift: Tensor | None, mean: Tensor, rstd: Tensor) -> Tensor:
    """Return the input of the activation, up to rounding."""
    factor = rstd if scale is None else rstd * scale.to(rstd.dtype)
    term = -mean * factor if shift is None else shift.to(mean.dtype) - mean * factor
    return torch.addcmul(_add_pixel_axes(term), x.to(mean.dtype), _add_pixel_axes(factor))


def _activation_backward(grad: Tensor, y: Tensor, activation: str) -> Tensor:
    if y.dtype != grad.dtype:
        return activation_backward(grad, y, activation)
    if activation == "relu":
        return cast(Tensor, torch.ops.aten.threshold_backward(grad, y, 0))
    return cast(Tensor, torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True))


def _flatten_factor(factor: Tensor | None, x: Tensor, default: float) -> Tensor:
    """Return a factor as [B * C], in the dtype of the statistics: the group norm computes its statistics in the dtype of its weights."""
    wide = torch.promote_types(x.dtype, torch.float32)
    if factor is None:
        return torch.full((x.shape[0] * x.shape[1],), default, dtype=wide, device=x.device)
    return factor.reshape(-1).to(wide)


def _make_ones(x: Tensor) -> Tensor:
    return _flatten_factor(None, x[:1], 1.0)


def _make_zeros(x: Tensor) -> Tensor:
    return _flatten_factor(None, x[:1], 0.0)


def _add_pixel_axes(factor: Tensor) -> Tensor:
    return factor[..., None, None]
