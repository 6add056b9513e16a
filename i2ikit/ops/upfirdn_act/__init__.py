"""upfirdn and what follows it in a layer of StyleGAN2, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from i2ikit.ops import checks
from i2ikit.ops.bias_act import settings
from i2ikit.ops.upfirdn import passes
from i2ikit.ops.upfirdn.geometry import result_size
from i2ikit.ops.upfirdn.register import upfirdn as resampled
from i2ikit.ops.upfirdn_act import register

NAME = "upfirdn_act"


def upfirdn_act(
    x: Tensor,
    fir: Tensor | None,
    up: int | Sequence[int] = 1,
    down: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    flip: bool = False,
    gain: float = 1.0,
    *,
    scale: Tensor | None = None,
    bias: Tensor | None = None,
    noise: Tensor | None = None,
    activation: str = "lrelu",
    alpha: float | None = None,
    act_gain: float | None = None,
    clamp: float | None = None,
    style: Tensor | None = None,
    skip: Tensor | None = None,
) -> Tensor:
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip; without a filter, all but the resampling.

    Differentiable to any order in everything but the filter. Runs in the dtype of x, also under autocast.

    Args:
        x: Maps [B, C, H, W], floating point, in either memory format, which the result keeps.
        fir: See ``upfirdn``; so are up, down, padding, flip and gain.
        up: Factor of upsampling.
        down: Factor of downsampling.
        padding: Zeros around the upsampled image.
        flip: False convolves, True correlates.
        gain: Multiplies what was filtered.
        scale: [B, C], such as the demodulation of the convolution before.
        bias: [C].
        noise: [B, 1, H', W'] or [1, 1, H', W'], one plane for all channels, already multiplied by its strength.
        activation: See ``bias_act``; so are alpha, act_gain (there: gain) and clamp.
        alpha: Slope of lrelu below zero.
        act_gain: Multiplies what was activated.
        clamp: Limits the result of that.
        style: [B, C], such as the modulation of the convolution that comes next.
        skip: Added at the end, of the shape of the result.

    Returns:
        [B, C, H', W'], as large as ``upfirdn`` makes it.

    Raises:
        TypeError: Something is no floating point tensor, or no number.
        ValueError: A shape, size, name or device that does not fit.
    """
    *before, last = passes(NAME, x, fir, up, down, padding, flip, gain)
    batch, channels = x.shape[:2]
    for step in before:
        x = cast(Tensor, resampled(x, *step))
    height, width = result_size(x.shape[2:], last[0].shape, *last[1:4])
    for name, value, *shapes in (
        ("scale", scale, [batch, channels]),
        ("bias", bias, [channels]),
        ("noise", noise, [batch, 1, height, width], [1, 1, height, width]),
        ("style", style, [batch, channels]),
        ("skip", skip, [batch, channels, height, width]),
    ):
        if value is not None:
            checks.beside(NAME, name, value, x, *shapes)
    if skip is not None:
        checks.one_dtype(NAME, "skip", skip, x)
    ends = settings(NAME, activation, alpha, act_gain, clamp, gain_name="act_gain")
    return cast(Tensor, register.upfirdn_act(x, last[0], scale, bias, noise, style, skip, *last[1:], *ends))
