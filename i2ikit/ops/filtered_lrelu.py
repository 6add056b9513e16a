"""The activation of StyleGAN3: on a finer grid, so that its edges do not alias (Karras et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from i2ikit.ops import checks
from i2ikit.ops.bias_act import bias_act
from i2ikit.ops.upfirdn import upfirdn
from i2ikit.ops.upfirdn_act import upfirdn_act

NAME = "filtered_lrelu"


def filtered_lrelu(
    x: Tensor,
    up_fir: Tensor | None = None,
    down_fir: Tensor | None = None,
    bias: Tensor | None = None,
    up: int = 1,
    down: int = 1,
    padding: int | Sequence[int] = 0,
    gain: float = 2.0**0.5,
    slope: float = 0.2,
    clamp: float | None = None,
    flip: bool = False,
) -> Tensor:
    """Add a bias, upsample, activate by a leaky ReLU, and downsample.

    Args:
        x: Maps [B, C, H, W].
        up_fir: Filter of the upsampling; see ``upfirdn``.
        down_fir: Filter of the downsampling.
        bias: [C].
        up: Factor of upsampling; the result is scaled by its square, which keeps the mean.
        down: Factor of downsampling.
        padding: Zeros around the upsampled image, for both filters; see ``upfirdn``.
        gain: Multiplies what was activated.
        slope: Of the leaky ReLU below zero.
        clamp: Limits what was activated; None does not.
        flip: Correlate with both filters in place of convolving.

    Returns:
        [B, C, H', W'].

    Raises:
        TypeError: Something is no floating point tensor, or no number.
        ValueError: A shape, size or device that does not fit.
    """
    checks.maps(NAME, "x", x)
    up, down = checks.factor(NAME, "up", up), checks.factor(NAME, "down", down)
    for name, fir in (("up_fir", up_fir), ("down_fir", down_fir)):
        if fir is not None:
            checks.filter_taps(NAME, name, fir, x)
    slope = checks.number(NAME, "slope", slope)
    if bias is not None:
        checks.beside(NAME, "bias", bias, x, x.shape[1:2])
        x = bias_act(x, bias, "linear")
    fine = upfirdn_act(x, up_fir, up, 1, padding, flip, float(up**2), activation="lrelu", alpha=slope, act_gain=gain, clamp=clamp)
    return upfirdn(fine, down_fir, 1, down, 0, flip)
