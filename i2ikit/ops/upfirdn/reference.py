"""The definition of upfirdn in plain torch: every zero is written and every pixel is computed, although most are discarded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def upfirdn(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] with a filter [kh, kw]; pairs are [x, y]."""
    batch, channels, height, width = x.shape
    # Sums are in float32 at least, as in the kernels.
    wide = torch.promote_types(x.dtype, torch.float32)
    spread = x.new_zeros(batch, channels, height, up[1], width, up[0], dtype=wide)
    spread[:, :, :, 0, :, 0] = x
    padded = F.pad(spread.reshape(batch, channels, height * up[1], width * up[0]), list(padding))
    taps = orient_filter(fir, flip).to(wide) * gain
    filtered = F.conv2d(padded, taps.expand(channels, 1, *taps.shape), groups=channels)
    return filtered[:, :, :: down[1], :: down[0]].to(x.dtype)


def orient_filter(fir: Tensor, flip: bool) -> Tensor:
    """Return the filter for a correlation, which is what torch's convolutions compute."""
    return fir if flip else fir.flip((0, 1))
