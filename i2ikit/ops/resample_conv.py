"""A convolution together with up- or downsampling, in the order that computes least (Karras et al. 2020, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import SpecError
from i2ikit.ops import checks
from i2ikit.ops.memory_format import autocasts
from i2ikit.ops.upfirdn import upfirdn

NAME = "resample_conv"


def resample_conv(
    x: Tensor,
    weight: Tensor,
    fir: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    groups: int = 1,
    flip: bool = True,
    flip_fir: bool = False,
) -> Tensor:
    """Upsample with a filter, convolve, filter and downsample.

    Args:
        x: Maps [B, C, H, W].
        weight: [O, C / groups, kh, kw].
        fir: The filter of the up- and the downsampling, [k] or [kh, kw]; None for a single 1.
        up: Factor of the upsampling; the result is scaled by its square, which keeps the mean.
        down: Factor of the downsampling.
        padding: Zeros around the upsampled image, beyond those that the filter needs to keep it centred: one number, [x, y], or
            [x before, x after, y before, y after]. k // 2 keeps the size for an odd kernel.
        groups: Of the convolution.
        flip: True correlates with the weight, as torch's convolutions do; False convolves.
        flip_fir: The same for the filter; see ``upfirdn``.

    Returns:
        [B, O, H * up / down, W * up / down] for a padding that keeps the size.

    Raises:
        TypeError: x, weight or fir is no floating point tensor.
        ValueError: Shapes that do not fit, or a factor below 1.
    """
    check(NAME, x, weight, fir, up, down, padding, groups)
    if not autocasts(x):  # which makes one dtype of both
        checks.one_dtype(NAME, "weight", weight, x)
    maps, last = convolved(NAME, x, weight, fir, up, down, padding, groups, flip, flip_fir)
    return maps if last is None else upfirdn(maps, *last)


Last = tuple[Tensor | None, int, int, tuple[int, int, int, int], bool, float]


def check(
    op: str, x: Tensor, weight: Tensor, fir: Tensor | None, up: int, down: int, padding: int | Sequence[int], groups: int
) -> tuple[int, int]:
    """Check the arguments of ``resample_conv``, and return the size of what it makes.

    Raises:
        TypeError: x, weight or fir is no floating point tensor, or a number is not whole.
        ValueError: Shapes or devices that do not fit, or a number below 1.
    """
    checks.maps(op, "x", x)
    checks.maps(op, "weight", weight)
    for name, number in (("up", up), ("down", down), ("groups", groups)):
        checks.factor(op, name, number)
    outputs, inputs, kh, kw = weight.shape
    if inputs * groups != x.shape[1]:
        raise SpecError(f"{op}: weight has shape {list(weight.shape)} and {groups} groups; x has {x.shape[1]} channels.")
    if outputs % groups:
        raise SpecError(f"{op}: weight has shape {list(weight.shape)} and {groups} groups; the groups have to divide its first axis.")
    checks.beside(op, "weight", weight, x, weight.shape)
    if fir is not None:
        checks.filter_taps(op, "fir", fir, x)
    margins = checks.margins(op, "padding", padding)
    left, right, top, bottom = _centred(fir, up, down, margins)
    # What each filter and the kernel leave of an axis.
    filters = (up > 1) + (down > 1)
    fw, fh = (1, 1) if fir is None else (fir.shape[-1], fir.shape[0])
    height, width = (x.shape[2] * up + top + bottom - filters * (fh - 1) - kh, x.shape[3] * up + left + right - filters * (fw - 1) - kw)
    if height < 0 or width < 0:
        beside = f" with fir of shape {list(fir.shape)}" if fir is not None and filters else ""
        raise SpecError(
            f"{op}: weight has shape {list(weight.shape)}, which{beside} is larger than x of shape {list(x.shape)} with up = {up} and "
            f"padding {list(margins)}. Pad more, or take a smaller kernel."
        )
    return height // down + 1, width // down + 1


def convolved(
    op: str, x: Tensor, weight: Tensor, fir: Tensor | None, up: int, down: int, padding: int | Sequence[int], groups: int, flip: bool,
    flip_fir: bool = False,
) -> tuple[Tensor, Last | None]:  # fmt: skip
    """Return the maps of ``resample_conv`` before its last resampling, and the arguments of ``upfirdn`` for that, if there is one."""
    kh, kw = weight.shape[2:]
    small = kh == kw == 1
    margins, none = _centred(fir, up, down, checks.margins(op, "padding", padding)), (0, 0, 0, 0)
    left, right, top, bottom = margins
    if up == 1 and down == 1:
        return _conv(x, weight, margins, groups, flip), None
    if up == 1 and small:
        return _conv(upfirdn(x, fir, 1, down, margins, flip_fir), weight, none, groups, flip), None
    if up == 1:
        return _conv(upfirdn(x, fir, 1, 1, margins, flip_fir), weight, none, groups, flip, stride=down), None
    if small and down == 1:
        return _conv(x, weight, none, groups, flip), (fir, up, 1, margins, flip_fir, up**2)
    # A transposed convolution begins kh - 1 pixels earlier than the filter wants to, and ends kh - up later.
    rest = (left - (kw - 1), right - (kw - up), top - (kh - 1), bottom - (kh - up))
    maps = _transposed(x, weight, up, groups, flip)
    if down == 1:
        return maps, (fir, 1, 1, rest, flip_fir, up**2)
    return upfirdn(maps, fir, 1, 1, rest, flip_fir, up**2), (fir, 1, down, none, flip_fir, 1.0)


def _centred(fir: Tensor | None, up: int, down: int, padding: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return a padding with what keeps the filter centred on the finer grid."""
    left, right, top, bottom = padding
    fw, fh = (1, 1) if fir is None else (fir.shape[-1], fir.shape[0])
    # Upsampling, a pixel stands before its zeros, and so the filter begins later.
    for factor, before in ((up, up - 1), (down, 1 - down)):
        if factor > 1:
            left, right = left + (fw + before) // 2, right + (fw - factor) // 2
            top, bottom = top + (fh + before) // 2, bottom + (fh - factor) // 2
    return left, right, top, bottom


def _conv(x: Tensor, weight: Tensor, margins: Sequence[int], groups: int, flip: bool, stride: int = 1) -> Tensor:
    weight = weight if flip else weight.flip((2, 3))
    if margins[0] == margins[1] >= 0 and margins[2] == margins[3] >= 0:
        return F.conv2d(x, weight, stride=stride, padding=(margins[2], margins[0]), groups=groups)
    return F.conv2d(F.pad(x, list(margins)), weight, stride=stride, groups=groups)


def _transposed(x: Tensor, weight: Tensor, up: int, groups: int, flip: bool) -> Tensor:
    outputs, inputs, kh, kw = weight.shape
    # torch's transposed convolution convolves, and wants its weight as [C, O / groups, kh, kw].
    weight = weight.flip((2, 3)) if flip else weight
    turned = weight.reshape(groups, outputs // groups, inputs, kh, kw).transpose(1, 2).reshape(groups * inputs, outputs // groups, kh, kw)
    return F.conv_transpose2d(x, turned, stride=up, groups=groups)
