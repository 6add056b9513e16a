"""The fast routes of adain on a CPU.

Maps in planes: torch's group norm, told that the whole batch is one image whose every channel is a group. It is several times as fast as
torch's instance and batch norms, and as exact as two sweeps. Variances by torch.var are slower still.

Maps in channels_last: the group norm's forward pass is fast there too, but it takes the variance as the mean square less the squared mean,
which loses digits where the mean is large; its backward pass is slow, and is written out here.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from i2ikit.ops.adain.reference import SLOPE, through

# With means of so many standard deviations, squared, the mean square still gives the variance of the largest maps to 2e-5.
FARTHEST = 4.0


def adain(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise maps [B, C, H, W], in order in one of the two memory formats; see the reference."""
    y, mean, rstd = (_planes if x.is_contiguous() else _pixels)(x, scale, shift, eps)
    if residual is not None:
        y.add_(residual)
    if activation is not None:
        y = y.relu_() if activation == "relu" else torch.nn.functional.leaky_relu_(y, SLOPE)
    return y, mean.view(x.shape[:2]), rstd.view(x.shape[:2])


def composed(x: Tensor, scale: Tensor | None, shift: Tensor | None, residual: Tensor | None, eps: float, activation: str | None) -> Tensor:
    """Return the result for maps in planes by torch's own operators, whose gradients are as fast."""
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
    """Return the gradients of x, scale, shift and residual, for maps that all lie in the order of x; see the reference."""
    inner = grad
    if activation is not None:
        inner = _through(grad, _before(x, scale, shift, mean, rstd) if y is None else y, activation)
    dx, dscale, dshift = (_planes_backward if x.is_contiguous() else _pixels_backward)(inner, x, scale, mean, rstd)
    return dx, dscale, dshift, inner


def _planes(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    y, mean, rstd = _group_norm(x.view(1, batch * channels, height, width), _flat(scale, x, 1.0), _flat(shift, x, 0.0), eps)
    return y.view(x.shape), mean, rstd


def _planes_backward(grad: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    count = batch * channels
    dx, dscale, dshift = torch.ops.aten.native_group_norm_backward(
        grad.view(1, count, height, width), x.view(1, count, height, width), mean.view(1, count), rstd.view(1, count),
        _flat(scale, x, 1.0), 1, count, height * width, count, [True, True, True],
    )  # fmt: skip
    return dx.view(x.shape), dscale.view(batch, channels), dshift.view(batch, channels)


def _pixels(x: Tensor, scale: Tensor | None, shift: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    single = len(x) == 1  # then the group norm's own weights, one a channel, are those of the image
    weight, bias = (_flat(scale, x, 1.0), _flat(shift, x, 0.0)) if single else (_ones(x), _zeros(x))
    y, mean, rstd = _group_norm(x, weight, bias, eps)
    if bool((mean * rstd).square().gt(FARTHEST).any()):
        y, rest, rstd = _group_norm(x - mean.view(*x.shape[:2], 1, 1), weight, bias, eps)
        y, mean = y.to(x.dtype), mean + rest
    if not single and (scale is not None or shift is not None):
        wide = mean.dtype
        factor = mean.new_ones(()) if scale is None else _corner(scale.to(wide))
        term = mean.new_zeros(()) if shift is None else _corner(shift.to(wide))
        y = torch.addcmul(term, y, factor, out=y) if y.dtype == wide else (y * factor).add_(term).to(y.dtype)
    return y, mean, rstd


def _pixels_backward(grad: Tensor, x: Tensor, scale: Tensor | None, mean: Tensor, rstd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wide, area = mean.dtype, x.shape[2] * x.shape[3]
    grad = grad.to(wide)
    dshift = grad.sum((2, 3))
    centred = x - _corner(mean)  # in float32 or better, as mean is
    product = grad * centred
    dscale = product.sum((2, 3)) * rstd
    factor = rstd if scale is None else rstd * scale.to(wide)
    # dx = factor * (grad - (dshift + (x - mean) * rstd * dscale) / area), in two sweeps over memory that is there already
    dx = torch.addcmul(_corner(factor * dshift / -area), grad, _corner(factor), out=product)
    dx.addcmul_(centred, _corner(factor * rstd * dscale / -area))
    return dx.to(x.dtype), dscale, dshift


def _group_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width = x.shape
    y, mean, rstd = torch.native_group_norm(x, weight, bias, batch, channels, height * width, channels, eps)
    return y, mean, rstd


def _before(x: Tensor, scale: Tensor | None, shift: Tensor | None, mean: Tensor, rstd: Tensor) -> Tensor:
    """Return what goes into the activation, but for rounding."""
    factor = rstd if scale is None else rstd * scale.to(rstd.dtype)
    term = -mean * factor if shift is None else shift.to(mean.dtype) - mean * factor
    return torch.addcmul(_corner(term), x.to(mean.dtype), _corner(factor))


def _through(grad: Tensor, y: Tensor, activation: str) -> Tensor:
    if y.dtype != grad.dtype:
        return through(grad, y, activation)
    if activation == "relu":
        return cast(Tensor, torch.ops.aten.threshold_backward(grad, y, 0))
    return cast(Tensor, torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True))


def _flat(factor: Tensor | None, x: Tensor, absent: float) -> Tensor:
    """Return what belongs to each channel of each image in a row, in the dtype of the statistics, which the group norm takes from it."""
    wide = torch.promote_types(x.dtype, torch.float32)
    if factor is None:
        return torch.full((x.shape[0] * x.shape[1],), absent, dtype=wide, device=x.device)
    return factor.reshape(-1).to(wide)


def _ones(x: Tensor) -> Tensor:
    return _flat(None, x[:1], 1.0)


def _zeros(x: Tensor) -> Tensor:
    return _flat(None, x[:1], 0.0)


def _corner(factor: Tensor) -> Tensor:
    return factor[..., None, None]
