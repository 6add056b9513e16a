"""The fast route of modulated_conv, on every device: one convolution with the weights that all images share.

Scaling the weights of an input channel is scaling the channel, and scaling all weights of an output channel is scaling that, so that
conv(x * style, weight) * demodulation is the same, up to rounding, and never holds B times the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.ops.memory_format import autocasts, own_dtype
from i2ikit.ops.modulated_conv.reference import EPS
from i2ikit.ops.resample_conv import convolved
from i2ikit.ops.upfirdn_act import upfirdn_act


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: int, down: int, fir: Tensor | None, noise: Tensor | None,
    bias: Tensor | None, activation: str, padding: Sequence[int], flip: bool, alpha: float | None, gain: float | None, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return what ``i2ikit.ops.modulated_conv`` describes."""
    given = x.dtype
    computed = torch.get_autocast_dtype(x.device.type) if autocasts(x) and given is not torch.float64 else given
    if computed is torch.float16 and demodulate:
        # Demodulation takes any factor of weights and styles away; these keep the products within the range of float16, which has no
        # number as small as what keeps the divisors from zero: they are of float32.
        wide = torch.promote_types(given, torch.float32)
        weight, style = weight.to(wide), style.to(wide)
        weight = weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=EPS) / weight[0].numel() ** 0.5
        style = style / style.abs().amax(1, keepdim=True).clamp(min=EPS)
    scale = _demodulation(weight, style) if demodulate else None
    maps, last = convolved("modulated_conv", x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype), fir, up, down, padding, 1, flip)
    step = (None, 1, 1, 0, False, 1.0) if last is None else last
    if scale is None and bias is None and noise is None and activation == "linear" and gain in {None, 1} and clamp is None and last is None:
        return maps.to(given)
    y = upfirdn_act(maps, *step, scale=scale, bias=bias, noise=noise, activation=activation, alpha=alpha, act_gain=gain, clamp=clamp)
    return y.to(given)


def _demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """Return one over the length of each output channel's weights, [B, O], in float32 or better."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    with own_dtype(style):
        lengths = weight.to(wide).square().sum((2, 3))  # [O, I]
        return (style.to(wide).square() @ lengths.T + EPS).rsqrt()
