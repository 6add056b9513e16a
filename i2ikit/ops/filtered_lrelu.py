"""The nonlinearity of StyleGAN3: a leaky ReLU on an upsampled grid, which avoids aliasing (Karras et al. 2021, section 3.1)."""

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
    """Add a bias, upsample, apply a leaky ReLU, and downsample.

    Args:
        x: Maps [B, C, H, W].
        up_fir: Filter of the upsampling; see ``upfirdn``. None: a single 1.
        down_fir: Filter of the downsampling. None: a single 1.
        bias: [C], added to x.
        up: Factor of upsampling. The upsampled image is multiplied by its square, which keeps the mean.
        down: Factor of downsampling.
        padding: Zeros around the upsampled image, for both filters; see ``upfirdn``.
        gain: Multiplies the result of the leaky ReLU.
        slope: Slope of the leaky ReLU below zero.
        clamp: Limits the result of the leaky ReLU to -clamp .. clamp, after the gain; None: no limit.
        flip: Correlate with both filters instead of convolving.

    Returns:
        [B, C, H', W'].

    Raises:
        TypeError: An argument is not a floating point tensor or not a number.
        ValueError: A shape, size or device does not fit.
    """
    checks.check_tensor(NAME, "x", x)
    up, down = checks.check_positive_int(NAME, "up", up), checks.check_positive_int(NAME, "down", down)
    for name, fir in (("up_fir", up_fir), ("down_fir", down_fir)):
        if fir is not None:
            checks.check_filter(NAME, name, fir, x)
    slope = checks.check_number(NAME, "slope", slope)
    if bias is not None:
        checks.check_shape(NAME, "bias", bias, x, x.shape[1:2])
        x = bias_act(x, bias, "linear")
    fine = upfirdn_act(x, up_fir, up, 1, padding, flip, float(up**2), activation="lrelu", alpha=slope, act_gain=gain, clamp=clamp)
    return upfirdn(fine, down_fir, 1, down, 0, flip)
