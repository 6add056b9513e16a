"""The fast route of upfirdn on a CPU: depthwise convolutions, which never touch a stuffed zero or a pixel that is not kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.upfirdn.geometry import result_size
from i2ikit.ops.upfirdn.reference import correlated

# Up to so many numbers what surrounds a call costs more than the memory that torch's own gradient keeps.
SMALL = 2**18


def upfirdn(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] with a filter [kh, kw]; pairs are [x, y]."""
    if x.dtype is torch.float16:  # the convolutions of a CPU are slow or absent in float16
        return upfirdn(x.float(), fir, up, down, padding, flip, gain).to(x.dtype)
    enlarges = tuple(up) != (1, 1)
    # A transposed convolution turns the filter by itself.
    taps = correlated(fir, flip != enlarges).to(torch.promote_types(x.dtype, torch.float32))
    taps = (taps * gain if gain != 1 else taps).to(x.dtype)
    if not enlarges:
        if taps.numel() == 1 and tuple(down) == (1, 1) and not any(padding):
            return x * taps
        return _strided(x, taps, down, padding)
    grown = _transposed(x, taps, up, padding)
    return grown[:, :, :: down[1], :: down[0]] if tuple(down) != (1, 1) else grown


def has_own_gradient(x: Tensor, up: Sequence[int], padding: Sequence[int]) -> bool:
    """Say whether torch's own gradient does as well as the operator's: that of a transposed convolution, or of a cut, is slower.

    A convolution keeps the maps for a gradient of its weights, wanted or not, which counts once they are large.
    """
    if not (torch.is_grad_enabled() and x.requires_grad):
        return True
    return x.numel() <= SMALL and tuple(up) == (1, 1) and padding[0] == padding[1] and padding[2] == padding[3]


def _strided(x: Tensor, taps: Tensor, down: Sequence[int], padding: Sequence[int]) -> Tensor:
    channels, steps = x.shape[1], (down[1], down[0])
    before, after = (padding[2], padding[0]), (padding[3], padding[1])
    if before == after and min(before) >= 0:
        return F.conv2d(x, _depthwise(taps, channels), stride=steps, padding=before, groups=channels)
    larger = [max(pair) for pair in zip(before, after, strict=True)]
    starts = [(most - own) // step for most, own, step in zip(larger, before, steps, strict=True)]
    whole = all((most - own) % step == 0 for most, own, step in zip(larger, before, steps, strict=True))
    if min(*before, *after) < 0 or not whole:
        return F.conv2d(F.pad(x, list(padding)), _depthwise(taps, channels), stride=steps, groups=channels)
    # A convolution pads both sides alike. To cut what the larger padding has made too many is faster than to pad the maps beforehand.
    height, width = result_size(x.shape[2:], taps.shape, (1, 1), down, padding)
    made = F.conv2d(x, _depthwise(taps, channels), stride=steps, padding=larger, groups=channels)
    return made[:, :, starts[0] : starts[0] + height, starts[1] : starts[1] + width]


def _transposed(x: Tensor, taps: Tensor, up: Sequence[int], padding: Sequence[int]) -> Tensor:
    cut, extra, margins = _cuts(x, taps, up, padding)
    channels, steps = x.shape[1], (up[1], up[0])
    grown = F.conv_transpose2d(x, _depthwise(taps, channels), stride=steps, padding=cut, output_padding=extra, groups=channels)
    return F.pad(grown, margins) if any(margins) else grown


def _cuts(x: Tensor, taps: Tensor, up: Sequence[int], padding: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Return padding and output padding of a transposed convolution, and what is to be added to or cut off its result: [x, x, y, y]."""
    steps = (up[1], up[0])
    cut, extra, edges = [], [], []
    wanted = result_size(x.shape[2:], taps.shape, up, (1, 1), padding)
    for axis in (0, 1):
        count, before = taps.shape[axis], padding[2 - 2 * axis]
        whole = (x.shape[2 + axis] - 1) * steps[axis] + count  # what a transposed convolution makes without any padding
        start = count - 1 - before
        end = start + wanted[axis]  # the part of it that is wanted, perhaps beyond its ends
        longer = end - (whole - start)
        if start >= 0 and 0 <= longer < steps[axis]:
            cut.append(start)
            extra.append(longer)
            edges.append((0, 0))
        else:
            cut.append(max(0, min(start, whole - end)))
            extra.append(0)
            edges.append((cut[-1] - start, end - (whole - cut[-1])))
    return cut, extra, [*edges[1], *edges[0]]


def _depthwise(taps: Tensor, channels: int) -> Tensor:
    return taps.expand(channels, 1, *taps.shape).contiguous()
