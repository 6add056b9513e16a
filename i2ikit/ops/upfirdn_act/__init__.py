"""upfirdn and the operations that follow it in a layer of StyleGAN2, in one operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from i2ikit.ops import checks
from i2ikit.ops.bias_act import resolve_settings
from i2ikit.ops.upfirdn import split_passes
from i2ikit.ops.upfirdn.geometry import result_size
from i2ikit.ops.upfirdn.register import upfirdn as run_upfirdn
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
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip.

    Differentiable to any order in all tensors except the filter. Runs in the dtype of x, also under autocast.

    Args:
        x: Maps [B, C, H, W], floating point. The result keeps their memory format.
        fir: Filter; see ``upfirdn``, also for up, down, padding, flip and gain. None: a single 1.
        up: Factor of upsampling.
        down: Factor of downsampling.
        padding: Zeros around the upsampled image.
        flip: False: convolve. True: correlate.
        gain: Multiplies the filtered maps.
        scale: [B, C], such as the demodulation of the preceding convolution.
        bias: [C].
        noise: [B, 1, H', W'] or [1, 1, H', W'], the same for all channels, already multiplied by its strength.
        activation: See ``bias_act``, also for alpha, act_gain (there: gain) and clamp.
        alpha: Slope of lrelu below zero.
        act_gain: Multiplies the result of the activation.
        clamp: Limits the result to -clamp .. clamp, after act_gain; None: no limit.
        style: [B, C], such as the modulation of the next convolution.
        skip: [B, C, H', W'] with the dtype of x, added at the end.

    Returns:
        [B, C, H', W'], with the size of the result of ``upfirdn``.

    Raises:
        TypeError: An argument is not a floating point tensor or not a number.
        ValueError: A shape, size, dtype or device does not fit, or the activation is unknown.
    """
    *first, last = split_passes(NAME, x, fir, up, down, padding, flip, gain)
    batch, channels = x.shape[:2]
    for arguments in first:
        x = cast(Tensor, run_upfirdn(x, *arguments))
    height, width = result_size(x.shape[2:], last[0].shape, *last[1:4])
    for name, value, *shapes in (
        ("scale", scale, [batch, channels]),
        ("bias", bias, [channels]),
        ("noise", noise, [batch, 1, height, width], [1, 1, height, width]),
        ("style", style, [batch, channels]),
        ("skip", skip, [batch, channels, height, width]),
    ):
        if value is not None:
            checks.check_shape(NAME, name, value, x, *shapes)
    if skip is not None:
        checks.check_same_dtype(NAME, "skip", skip, x)
    settings = resolve_settings(NAME, activation, alpha, act_gain, clamp, gain_name="act_gain")
    return cast(Tensor, register.upfirdn_act(x, last[0], scale, bias, noise, style, skip, *last[1:], *settings))
