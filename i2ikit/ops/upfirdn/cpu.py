"""The fast CPU implementation of upfirdn: depthwise convolutions, which skip inserted zeros and pixels that are not kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.upfirdn.geometry import result_size
from i2ikit.ops.upfirdn.reference import orient_filter

# Up to this number of values, a call through torch.library costs more than the memory that torch's own gradient saves.
MAX_DIRECT_SIZE = 2**18


def upfirdn(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] with a filter [kh, kw]; pairs are [x, y]."""
    if x.dtype is torch.float16:  # the convolutions of a CPU are slow or absent in float16
        return upfirdn(x.float(), fir, up, down, padding, flip, gain).to(x.dtype)
    is_upsampling = tuple(up) != (1, 1)
    # A transposed convolution flips the filter itself.
    taps = orient_filter(fir, flip != is_upsampling).to(torch.promote_types(x.dtype, torch.float32))
    taps = (taps * gain if gain != 1 else taps).to(x.dtype)
    if not is_upsampling:
        if taps.numel() == 1 and tuple(down) == (1, 1) and not any(padding):
            return x * taps
        return _convolve_strided(x, taps, down, padding)
    upsampled = _convolve_transposed(x, taps, up, padding)
    return upsampled[:, :, :: down[1], :: down[0]] if tuple(down) != (1, 1) else upsampled


def is_autograd_fast(x: Tensor, up: Sequence[int], padding: Sequence[int]) -> bool:
    """Return whether torch's own gradient is as fast as the operator's: that of a transposed convolution, or of a crop, is slower.

    A convolution saves the maps for the gradient of its weights, even if that is not needed, which costs memory for large maps.
    """
    if not (torch.is_grad_enabled() and x.requires_grad):
        return True
    return x.numel() <= MAX_DIRECT_SIZE and tuple(up) == (1, 1) and padding[0] == padding[1] and padding[2] == padding[3]


def _convolve_strided(x: Tensor, taps: Tensor, down: Sequence[int], padding: Sequence[int]) -> Tensor:
    channels, steps = x.shape[1], (down[1], down[0])
    before, after = (padding[2], padding[0]), (padding[3], padding[1])
    if before == after and min(before) >= 0:
        return F.conv2d(x, _make_depthwise_weight(taps, channels), stride=steps, padding=before, groups=channels)
    larger = [max(pair) for pair in zip(before, after, strict=True)]
    starts = [(most - own) // step for most, own, step in zip(larger, before, steps, strict=True)]
    whole = all((most - own) % step == 0 for most, own, step in zip(larger, before, steps, strict=True))
    if min(*before, *after) < 0 or not whole:
        return F.conv2d(F.pad(x, list(padding)), _make_depthwise_weight(taps, channels), stride=steps, groups=channels)
    # A convolution pads both sides equally. To use the larger padding and crop the result is faster than to pad the maps first.
    height, width = result_size(x.shape[2:], taps.shape, (1, 1), down, padding)
    larger_result = F.conv2d(x, _make_depthwise_weight(taps, channels), stride=steps, padding=larger, groups=channels)
    return larger_result[:, :, starts[0] : starts[0] + height, starts[1] : starts[1] + width]


def _convolve_transposed(x: Tensor, taps: Tensor, up: Sequence[int], padding: Sequence[int]) -> Tensor:
    crop, extra, margins = _split_padding(x, taps, up, padding)
    channels, steps = x.shape[1], (up[1], up[0])
    upsampled = F.conv_transpose2d(
        x, _make_depthwise_weight(taps, channels), stride=steps, padding=crop, output_padding=extra, groups=channels
    )
    return F.pad(upsampled, margins) if any(margins) else upsampled


def _split_padding(x: Tensor, taps: Tensor, up: Sequence[int], padding: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """Return padding and output padding of a transposed convolution, and the padding of its result [x, x, y, y], negative for a crop."""
    steps = (up[1], up[0])
    crop, extra, edges = [], [], []
    size = result_size(x.shape[2:], taps.shape, up, (1, 1), padding)
    for axis in (0, 1):
        count, before = taps.shape[axis], padding[2 - 2 * axis]
        whole = (x.shape[2 + axis] - 1) * steps[axis] + count  # length of the result of a transposed convolution without padding
        start = count - 1 - before
        end = start + size[axis]  # the part of it that is needed, which may extend beyond its ends
        longer = end - (whole - start)
        if start >= 0 and 0 <= longer < steps[axis]:
            crop.append(start)
            extra.append(longer)
            edges.append((0, 0))
        else:
            crop.append(max(0, min(start, whole - end)))
            extra.append(0)
            edges.append((crop[-1] - start, end - (whole - crop[-1])))
    return crop, extra, [*edges[1], *edges[0]]


def _make_depthwise_weight(taps: Tensor, channels: int) -> Tensor:
    return taps.expand(channels, 1, *taps.shape).contiguous()
