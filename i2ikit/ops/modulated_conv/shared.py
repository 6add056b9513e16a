"""The fast implementation of modulated_conv, on every device: one convolution with weights that all images share.

To scale the weights of an input channel is to scale that channel, and to scale all weights of an output channel is to scale its result.
Therefore conv(x * style, weight) * demodulation is equal up to rounding, and needs no separate weights for each image.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.ops.memory_format import disable_autocast, is_autocast_enabled
from i2ikit.ops.modulated_conv.reference import EPS
from i2ikit.ops.resample_conv import convolve_before_resampling
from i2ikit.ops.upfirdn_act import upfirdn_act


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: int, down: int, fir: Tensor | None, noise: Tensor | None,
    bias: Tensor | None, activation: str, padding: Sequence[int], flip: bool, alpha: float | None, gain: float | None, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Compute ``i2ikit.ops.modulated_conv``."""
    dtype = x.dtype
    compute_dtype = torch.get_autocast_dtype(x.device.type) if is_autocast_enabled(x) and dtype is not torch.float64 else dtype
    if compute_dtype is torch.float16 and demodulate:
        # Demodulation cancels any factor of the weights and styles. These factors keep the products within the range of float16. They are
        # computed in float32, because float16 cannot represent EPS.
        wide = torch.promote_types(dtype, torch.float32)
        weight, style = weight.to(wide), style.to(wide)
        weight = weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=EPS) / weight[0].numel() ** 0.5
        style = style / style.abs().amax(1, keepdim=True).clamp(min=EPS)
    scale = _get_demodulation(weight, style) if demodulate else None
    maps, final = convolve_before_resampling(
        "modulated_conv", x * style.to(x.dtype)[:, :, None, None], weight.to(x.dtype), fir, up, down, padding, 1, flip
    )
    resampling = (None, 1, 1, 0, False, 1.0) if final is None else final
    is_plain = scale is None and bias is None and noise is None and activation == "linear" and gain in {None, 1} and clamp is None
    if is_plain and final is None:
        return maps.to(dtype)
    y = upfirdn_act(maps, *resampling, scale=scale, bias=bias, noise=noise, activation=activation, alpha=alpha, act_gain=gain, clamp=clamp)
    return y.to(dtype)


def _get_demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """Return the reciprocal norm of each output channel's weights [B, O], in float32 or better."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    with disable_autocast(style):
        squared_norms = weight.to(wide).square().sum((2, 3))  # [O, I]
        return (style.to(wide).square() @ squared_norms.T + EPS).rsqrt()
