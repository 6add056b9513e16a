"""The definition of modulated_conv in plain torch: separate weights for each image, and every inserted zero is written."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.bias_act import reference as bias_act_reference
from i2ikit.ops.bias_act import resolve_settings
from i2ikit.ops.upfirdn import reference as upfirdn_reference
from i2ikit.ops.upfirdn import split_passes

EPS = 1e-8


def modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, demodulate: bool, up: int, down: int, fir: Tensor | None, noise: Tensor | None,
    bias: Tensor | None, activation: str, padding: Sequence[int], flip: bool, alpha: float | None, gain: float | None, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Compute ``i2ikit.ops.modulated_conv``."""
    batch, inputs = x.shape[:2]
    wide = torch.promote_types(x.dtype, torch.float32)
    modulated = weight.to(wide)[None] * style.to(wide)[:, None, :, None, None]  # [B, O, I, kh, kw]
    if demodulate:
        modulated = modulated * (modulated.square().sum((2, 3, 4), keepdim=True) + EPS).rsqrt()
    filters = modulated.flatten(0, 1)  # [B * O, I, kh, kw]
    maps = _resample_and_convolve(x.to(wide).reshape(1, batch * inputs, *x.shape[2:]), filters, fir, up, down, padding, batch, flip)
    maps = maps.reshape(batch, weight.shape[0], *maps.shape[2:])
    y = bias_act_reference.bias_act(maps, bias, noise, *resolve_settings("modulated_conv", activation, alpha, gain, clamp), 1)
    return y.to(x.dtype)


def _resample_and_convolve(
    x: Tensor, weight: Tensor, fir: Tensor | None, up: int, down: int, padding: Sequence[int], groups: int, flip: bool
) -> Tensor:
    """Upsample, convolve and downsample, one after the other."""
    left, right, top, bottom = padding
    fw, fh = (1, 1) if fir is None else (fir.shape[-1], fir.shape[0])
    for factor, before in ((up, up - 1), (down, 1 - down)):
        if factor > 1:
            left, right = left + (fw + before) // 2, right + (fw - factor) // 2
            top, bottom = top + (fh + before) // 2, bottom + (fh - factor) // 2
    margins = (left, right, top, bottom)
    for arguments in split_passes("modulated_conv", x, fir if up > 1 else None, up, 1, margins, False, up**2):
        x = upfirdn_reference.upfirdn(x, *arguments)
    x = F.conv2d(x, weight if flip else weight.flip((2, 3)), groups=groups)
    for arguments in split_passes("modulated_conv", x, fir, 1, down, 0, False, 1.0) if down > 1 else ():
        x = upfirdn_reference.upfirdn(x, *arguments)
    return x
