"""The convolution whose weights a style scales for each image (Karras et al. 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from i2ikit.ops import checks
from i2ikit.ops.bias_act import settings
from i2ikit.ops.choice import route
from i2ikit.ops.modulated_conv import reference, shared
from i2ikit.ops.resample_conv import check

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
    """Convolve each image with weights scaled by its style and, with ``demodulate``, brought back to unit length per output channel.

    w'[b, o, i, k] = weight[o, i, k] * style[b, i]; w'' = w' / sqrt(sum of w'^2 over i and k + 1e-8), the paper's equations 1 and 3. Then
    noise, bias, activation, gain and clamp as ``bias_act`` has them. Differentiable to any order in x, weight, style, noise and bias.

    Args:
        x: Maps [B, I, H, W], floating point, in either memory format.
        weight: [O, I, kh, kw].
        style: [B, I].
        demodulate: False for layers that draw colours.
        up: Factor of upsampling, by ``fir``, before the convolution.
        down: Factor of downsampling, by ``fir``, after it.
        fir: Filter of both; see ``upfirdn``. None for a single 1.
        noise: [B, 1, H', W'] or [1, 1, H', W'], one plane for all channels, already multiplied by its strength.
        bias: [O].
        activation: See ``bias_act``; None is linear.
        padding: See ``resample_conv``; k // 2 where None, which keeps the size for an odd kernel.
        flip: True correlates with the weight, False convolves. Where None, it convolves with upsampling and correlates without, as both
            StyleGAN2 codes do and their weights need.
        alpha: Slope of lrelu below zero.
        gain: Multiplies what was activated.
        clamp: Limits the result.

    Returns:
        [B, O, H', W'] in the dtype of x, also where autocast convolves in another.

    Raises:
        TypeError: Something is no floating point tensor, or no number.
        ValueError: A shape, size, name or device that does not fit.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> x, weight, style = torch.randn(2, 8, 16, 16), torch.randn(4, 8, 3, 3), torch.ones(2, 8)
        >>> ops.modulated_conv(x, weight, style, up=2, fir=ops.fir_filter([1, 3, 3, 1])).shape
        torch.Size([2, 4, 32, 32])
    """
    checks.maps(NAME, "x", x)
    checks.maps(NAME, "weight", weight)
    checks.beside(NAME, "weight", weight, x, [weight.shape[0], x.shape[1], *weight.shape[2:]])
    checks.beside(NAME, "style", style, x, x.shape[:2])
    margins = checks.margins(NAME, "padding", (weight.shape[3] // 2, weight.shape[2] // 2) if padding is None else padding)
    height, width = check(NAME, x, weight, fir, up, down, margins, 1)
    if noise is not None:
        checks.beside(NAME, "noise", noise, x, [x.shape[0], 1, height, width], [1, 1, height, width])
    if bias is not None:
        checks.beside(NAME, "bias", bias, x, weight.shape[:1])
    activation, *_ = settings(NAME, activation or "linear", alpha, gain, clamp)
    correlates = up == 1 if flip is None else flip
    run = reference.modulated_conv if x.device.type == "cpu" and route(NAME, x) == "reference" else shared.modulated_conv
    return run(x, weight, style, demodulate, up, down, fir, noise, bias, activation, margins, correlates, alpha, gain, clamp)
