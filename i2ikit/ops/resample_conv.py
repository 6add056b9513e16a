"""A convolution combined with up- or downsampling, in the order with the least computation (Karras et al. 2020, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import SpecError
from i2ikit.ops import checks
from i2ikit.ops.memory_format import is_autocast_enabled
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
        fir: Filter of the up- and the downsampling, [k] or [kh, kw]. None: a single 1.
        up: Factor of the upsampling. The result is multiplied by its square, which keeps the mean.
        down: Factor of the downsampling.
        padding: Zeros around the upsampled image, in addition to those that keep the filter centred: one number, [x, y], or
            [x before, x after, y before, y after]. k // 2 keeps the size for a kernel of odd size k.
        groups: Groups of the convolution.
        flip: True: correlate with the weight, as torch's convolutions do. False: convolve.
        flip_fir: The same for the filter.

    Returns:
        [B, O, H * up / down, W * up / down] for a padding that keeps the size.

    Raises:
        TypeError: x, weight or fir is not a floating point tensor.
        ValueError: A shape does not fit, or a factor is below 1.
    """
    check_arguments(NAME, x, weight, fir, up, down, padding, groups)
    if not is_autocast_enabled(x):  # autocast converts both to one dtype
        checks.check_same_dtype(NAME, "weight", weight, x)
    maps, final = convolve_before_resampling(NAME, x, weight, fir, up, down, padding, groups, flip, flip_fir)
    return maps if final is None else upfirdn(maps, *final)


FinalResampling = tuple[Tensor | None, int, int, tuple[int, int, int, int], bool, float]


def check_arguments(
    op: str, x: Tensor, weight: Tensor, fir: Tensor | None, up: int, down: int, padding: int | Sequence[int], groups: int
) -> tuple[int, int]:
    """Check the arguments of ``resample_conv``, and return height and width of its result.

    Raises:
        TypeError: x, weight or fir is not a floating point tensor, or a number is not an integer.
        ValueError: A shape or device does not fit, or a number is below 1.
    """
    checks.check_tensor(op, "x", x)
    checks.check_tensor(op, "weight", weight)
    for name, number in (("up", up), ("down", down), ("groups", groups)):
        checks.check_positive_int(op, name, number)
    outputs, inputs, kh, kw = weight.shape
    if inputs * groups != x.shape[1]:
        raise SpecError(
            f"{op}: x has {x.shape[1]} channels; with weight of shape {list(weight.shape)} and groups={groups} it needs {inputs * groups}."
        )
    if outputs % groups:
        raise SpecError(f"{op}: weight has shape {list(weight.shape)}; its first axis must be divisible by groups={groups}.")
    checks.check_shape(op, "weight", weight, x, weight.shape)
    if fir is not None:
        checks.check_filter(op, "fir", fir, x)
    margins = checks.parse_padding(op, "padding", padding)
    left, right, top, bottom = _center_padding(fir, up, down, margins)
    # Each filter and the kernel shorten an axis.
    filters = (up > 1) + (down > 1)
    fw, fh = (1, 1) if fir is None else (fir.shape[-1], fir.shape[0])
    height, width = (x.shape[2] * up + top + bottom - filters * (fh - 1) - kh, x.shape[3] * up + left + right - filters * (fw - 1) - kw)
    if height < 0 or width < 0:
        and_filter = f" and fir has shape {list(fir.shape)}" if fir is not None and filters else ""
        raise SpecError(
            f"{op}: weight has shape {list(weight.shape)}{and_filter}, which is too large for x of shape {list(x.shape)} with up={up} and "
            f"padding={list(margins)}. Use more padding or a smaller kernel."
        )
    return height // down + 1, width // down + 1


def convolve_before_resampling(
    op: str, x: Tensor, weight: Tensor, fir: Tensor | None, up: int, down: int, padding: int | Sequence[int], groups: int, flip: bool,
    flip_fir: bool = False,
) -> tuple[Tensor, FinalResampling | None]:  # fmt: skip
    """Return the maps before the final resampling, and the arguments of ``upfirdn`` for it; None if there is none."""
    kh, kw = weight.shape[2:]
    small = kh == kw == 1
    margins, none = _center_padding(fir, up, down, checks.parse_padding(op, "padding", padding)), (0, 0, 0, 0)
    left, right, top, bottom = margins
    if up == 1 and down == 1:
        return _convolve(x, weight, margins, groups, flip), None
    if up == 1 and small:
        return _convolve(upfirdn(x, fir, 1, down, margins, flip_fir), weight, none, groups, flip), None
    if up == 1:
        return _convolve(upfirdn(x, fir, 1, 1, margins, flip_fir), weight, none, groups, flip, stride=down), None
    if small and down == 1:
        return _convolve(x, weight, none, groups, flip), (fir, up, 1, margins, flip_fir, up**2)
    # The result of the transposed convolution begins kh - 1 pixels before the input of the filter, and ends kh - up pixels after it.
    rest = (left - (kw - 1), right - (kw - up), top - (kh - 1), bottom - (kh - up))
    maps = _convolve_transposed(x, weight, up, groups, flip)
    if down == 1:
        return maps, (fir, 1, 1, rest, flip_fir, up**2)
    return upfirdn(maps, fir, 1, 1, rest, flip_fir, up**2), (fir, 1, down, none, flip_fir, 1.0)


def _center_padding(fir: Tensor | None, up: int, down: int, padding: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Return the padding plus the zeros that keep the filter centred on the upsampled grid."""
    left, right, top, bottom = padding
    fw, fh = (1, 1) if fir is None else (fir.shape[-1], fir.shape[0])
    # Upsampling puts the zeros after each pixel, and so the filter begins later.
    for factor, before in ((up, up - 1), (down, 1 - down)):
        if factor > 1:
            left, right = left + (fw + before) // 2, right + (fw - factor) // 2
            top, bottom = top + (fh + before) // 2, bottom + (fh - factor) // 2
    return left, right, top, bottom


def _convolve(x: Tensor, weight: Tensor, margins: Sequence[int], groups: int, flip: bool, stride: int = 1) -> Tensor:
    weight = weight if flip else weight.flip((2, 3))
    if margins[0] == margins[1] >= 0 and margins[2] == margins[3] >= 0:
        return F.conv2d(x, weight, stride=stride, padding=(margins[2], margins[0]), groups=groups)
    return F.conv2d(F.pad(x, list(margins)), weight, stride=stride, groups=groups)


def _convolve_transposed(x: Tensor, weight: Tensor, up: int, groups: int, flip: bool) -> Tensor:
    outputs, inputs, kh, kw = weight.shape
    # torch's transposed convolution convolves, and expects its weight as [C, O / groups, kh, kw].
    weight = weight.flip((2, 3)) if flip else weight
    weight = weight.reshape(groups, outputs // groups, inputs, kh, kw).transpose(1, 2).reshape(groups * inputs, outputs // groups, kh, kw)
    return F.conv_transpose2d(x, weight, stride=up, groups=groups)
