"""Upsample, filter and downsample: the resampling operator of StyleGAN2 (Karras et al. 2020, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from i2ikit.errors import SpecError
from i2ikit.ops import checks
from i2ikit.ops.implementations import can_run_directly
from i2ikit.ops.memory_format import get_memory_format
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
    """Insert zeros between pixels, pad, filter with a constant FIR filter, and keep every ``down``-th pixel.

    Differentiable to any order in x. Runs in the dtype of x, also under autocast, and sums in float32 or better.

    Args:
        x: Maps [B, C, H, W], floating point. The result keeps their memory format.
        fir: The filter [kh, kw], or [k] to apply it along both axes in turn, or None for a single 1. It is a constant, without a gradient.
        up: Factor of upsampling: each pixel is followed by ``up - 1`` zeros. One number, or two in the order [x, y].
        down: Factor of downsampling: every ``down``-th pixel is kept. One number, or two in the order [x, y].
        padding: Zeros around the upsampled image: one number, [x, y], or [x before, x after, y before, y after]. Negative ones crop.
        flip: False: convolve (the filter is rotated by 180 degrees). True: correlate. Both are the same for a symmetric filter.
        gain: Multiplies the result.

    Returns:
        [B, C, H', W'] with H' = (H * up + padding before + padding after - kh) // down + 1, W' likewise.

    Raises:
        TypeError: x or fir is not a floating point tensor.
        ValueError: A shape, size or device does not fit.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> fir = ops.fir_filter([1, 3, 3, 1])
        >>> ops.upfirdn(torch.ones(1, 3, 8, 8), fir, up=2, padding=(2, 1, 2, 1), gain=4.0).shape
        torch.Size([1, 3, 16, 16])
    """
    for arguments in split_passes(NAME, x, fir, up, down, padding, flip, gain):
        x = _run_pass(x, *arguments)
    return x


def _run_pass(x: Tensor, *arguments: Any) -> Tensor:
    _, up, _, padding, *_ = arguments
    if can_run_directly(NAME, x) and cpu.is_autograd_fast(x, up, padding):
        memory_format = get_memory_format(x)
        return cpu.upfirdn(x.contiguous(memory_format=memory_format), *arguments).contiguous(memory_format=memory_format)
    return cast(Tensor, register.upfirdn(x, *arguments))


Pass = tuple[Tensor, tuple[int, int], tuple[int, int], tuple[int, int, int, int], bool, float]


def split_passes(
    op: str, x: Tensor, fir: Tensor | None, up: int | Sequence[int], down: int | Sequence[int], padding: int | Sequence[int], flip: bool,
    gain: float,
) -> list[Pass]:  # fmt: skip
    """Check the arguments of upfirdn and split them into passes: one, or for a filter [k] two, along x and then along y.

    Raises:
        TypeError: x or fir is not a floating point tensor.
        ValueError: A shape, size or device does not fit.
    """
    checks.check_tensor(op, "x", x)
    checks.check_not_empty(op, x)
    ups, downs, margins = checks.parse_pair(op, "up", up), checks.parse_pair(op, "down", down), checks.parse_padding(op, "padding", padding)
    gain = checks.check_number(op, "gain", gain)
    if fir is None:
        fir = x.new_ones(1, 1, dtype=torch.float32)
    checks.check_filter(op, "fir", fir, x)
    height, width = result_size(x.shape[2:], (fir.shape[0], fir.shape[-1]), ups, downs, margins)
    if height < 1 or width < 1:
        raise SpecError(
            f"{op}: fir has shape {list(fir.shape)}, which is too large for x of shape {list(x.shape)} with up={list(ups)} and "
            f"padding={list(margins)}. Use more padding or a shorter filter."
        )
    if fir.ndim == 2:
        return [(fir, ups, downs, margins, flip, gain)]
    return [
        (fir[None, :], (ups[0], 1), (downs[0], 1), (margins[0], margins[1], 0, 0), flip, 1.0),
        (fir[:, None], (1, ups[1]), (1, downs[1]), (0, 0, margins[2], margins[3]), flip, gain),
    ]
