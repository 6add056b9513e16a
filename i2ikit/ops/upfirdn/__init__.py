"""Upsample, filter, downsample: the resampling operator of StyleGAN2 (Karras et al. 2020, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from i2ikit.errors import SpecError
from i2ikit.ops import checks
from i2ikit.ops.choice import direct
from i2ikit.ops.memory_format import memory_format
from i2ikit.ops.upfirdn import cpu, register
from i2ikit.ops.upfirdn.geometry import result_size

NAME = "upfirdn"


def upfirdn(
    x: Tensor,
    fir: Tensor | None,
    up: int | Sequence[int] = 1,
    down: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    flip: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Put zeros between pixels, pad, filter with a fixed kernel, and keep every so-many-th pixel.

    Differentiable to any order in x. Runs in the dtype of x, also under autocast, and sums in float32 or better.

    Args:
        x: Maps [B, C, H, W], floating point, in either memory format, which the result keeps.
        fir: The filter: [kh, kw], or [k] for one that is applied along both axes in turn, or None for a single 1. A constant: it gets no
            gradient.
        up: Each pixel becomes this many, the others zero: one number, or two in the order [x, y].
        down: Every this-many-th pixel stays: one number, or two in the order [x, y].
        padding: Zeros around the upsampled image: one number, [x, y], or [x before, x after, y before, y after]. Negative ones crop.
        flip: False convolves (the filter is turned by 180 degrees), True correlates. The same for symmetric filters.
        gain: Multiplies the result.

    Returns:
        [B, C, H', W'] with H' = (H * up + padding before + padding after - kh) // down + 1, W' likewise.

    Raises:
        TypeError: x or fir is no floating point tensor.
        ValueError: A shape, size or device that does not fit.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> fir = ops.fir_filter([1, 3, 3, 1])
        >>> ops.upfirdn(torch.ones(1, 3, 8, 8), fir, up=2, padding=(2, 1, 2, 1), gain=4.0).shape
        torch.Size([1, 3, 16, 16])
    """
    for step in passes(NAME, x, fir, up, down, padding, flip, gain):
        x = _run(x, *step)
    return x


def _run(x: Tensor, *step: Any) -> Tensor:
    _, up, _, padding, *_ = step
    if direct(NAME, x) and cpu.has_own_gradient(x, up, padding):
        order = memory_format(x)
        return cpu.upfirdn(x.contiguous(memory_format=order), *step).contiguous(memory_format=order)
    return cast(Tensor, register.upfirdn(x, *step))


Pass = tuple[Tensor, tuple[int, int], tuple[int, int], tuple[int, int, int, int], bool, float]


def passes(
    op: str, x: Tensor, fir: Tensor | None, up: int | Sequence[int], down: int | Sequence[int], padding: int | Sequence[int], flip: bool,
    gain: float,
) -> list[Pass]:  # fmt: skip
    """Check the arguments of upfirdn, and return those of each pass: two for a filter of one axis, first along x.

    Raises:
        TypeError: x or fir is no floating point tensor.
        ValueError: A shape, size or device that does not fit.
    """
    checks.maps(op, "x", x)
    checks.pixels(op, x)
    ups, downs, margins = checks.pair(op, "up", up), checks.pair(op, "down", down), checks.margins(op, "padding", padding)
    gain = checks.number(op, "gain", gain)
    if fir is None:
        fir = x.new_ones(1, 1, dtype=torch.float32)
    checks.filter_taps(op, "fir", fir, x)
    height, width = result_size(x.shape[2:], (fir.shape[0], fir.shape[-1]), ups, downs, margins)
    if height < 1 or width < 1:
        raise SpecError(
            f"{op}: fir has shape {list(fir.shape)}, which is larger than x of shape {list(x.shape)} with up [x, y] = {list(ups)} and "
            f"padding {list(margins)}. Pad more, or take a shorter filter."
        )
    if fir.ndim == 2:
        return [(fir, ups, downs, margins, flip, gain)]
    return [
        (fir[None, :], (ups[0], 1), (downs[0], 1), (margins[0], margins[1], 0, 0), flip, 1.0),
        (fir[:, None], (1, ups[1]), (1, downs[1]), (0, 0, margins[2], margins[3]), flip, gain),
    ]
