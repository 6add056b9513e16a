"""The modulated convolution of StyleGAN2: a style scales the weights for each image (Karras et al. 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from i2ikit.ops import checks
from i2ikit.ops.bias_act import resolve_settings
from i2ikit.ops.implementations import get_implementation
from i2ikit.ops.modulated_conv import reference, shared
from i2ikit.ops.resample_conv import check_arguments

NAME = "modulated_conv"


def modulated_conv(
    x: Tensor,
    weight: Tensor,
    style: Tensor,
    demodulate: bool = True,
    up: int = 1,
    down: int = 1,
    fir: Tensor | None = None,
    noise: Tensor | None = None,
    bias: Tensor | None = None,
    activation: str | None = None,
    *,
    padding: int | Sequence[int] | None = None,
    flip: bool | None = None,
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """Convolve each image with weights that are scaled by its style and, with ``demodulate``, normalised for each output channel.

    w'[b, o, i, k] = weight[o, i, k] * style[b, i]; w'' = w' / sqrt(sum of w'^2 over i and k + 1e-8), the paper's equations 1 and 3. Noise,
    bias, activation, gain and clamp follow as in ``bias_act``. Differentiable to any order in x, weight, style, noise and bias.

    Args:
        x: Maps [B, I, H, W], floating point. The result keeps their memory format.
        weight: [O, I, kh, kw].
        style: [B, I].
        demodulate: Normalise the weights; False for StyleGAN2's toRGB layers.
        up: Factor of upsampling with ``fir``, before the convolution.
        down: Factor of downsampling with ``fir``, after the convolution.
        fir: Filter of the up- and the downsampling; see ``upfirdn``. None: a single 1.
        noise: [B, 1, H', W'] or [1, 1, H', W'], the same for all channels, already multiplied by its strength.
        bias: [O].
        activation: See ``bias_act``; None: linear.
        padding: See ``resample_conv``. None: k // 2, which keeps the size for a kernel of odd size k.
        flip: True: correlate with the weight. False: convolve. None: convolve with upsampling and correlate without, as both StyleGAN2
            codes do and their weights require.
        alpha: Slope of lrelu below zero; see ``bias_act``.
        gain: Multiplies the result of the activation; see ``bias_act``.
        clamp: Limits the result to -clamp .. clamp; None: no limit.

    Returns:
        [B, O, H', W'] in the dtype of x, even if autocast convolves in another one.

    Raises:
        TypeError: An argument is not a floating point tensor or not a number.
        ValueError: A shape, size or device does not fit, or the activation is unknown.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> x, weight, style = torch.randn(2, 8, 16, 16), torch.randn(4, 8, 3, 3), torch.ones(2, 8)
        >>> ops.modulated_conv(x, weight, style, up=2, fir=ops.fir_filter([1, 3, 3, 1])).shape
        torch.Size([2, 4, 32, 32])
    """
    checks.check_tensor(NAME, "x", x)
    checks.check_tensor(NAME, "weight", weight)
    checks.check_shape(NAME, "weight", weight, x, [weight.shape[0], x.shape[1], *weight.shape[2:]])
    checks.check_shape(NAME, "style", style, x, x.shape[:2])
    margins = checks.parse_padding(NAME, "padding", (weight.shape[3] // 2, weight.shape[2] // 2) if padding is None else padding)
    height, width = check_arguments(NAME, x, weight, fir, up, down, margins, 1)
    if noise is not None:
        checks.check_shape(NAME, "noise", noise, x, [x.shape[0], 1, height, width], [1, 1, height, width])
    if bias is not None:
        checks.check_shape(NAME, "bias", bias, x, weight.shape[:1])
    activation, *_ = resolve_settings(NAME, activation or "linear", alpha, gain, clamp)
    correlates = up == 1 if flip is None else flip
    run = reference.modulated_conv if x.device.type == "cpu" and get_implementation(NAME, x) == "reference" else shared.modulated_conv
    return run(x, weight, style, demodulate, up, down, fir, noise, bias, activation, margins, correlates, alpha, gain, clamp)
