"""Adaptive instance normalisation (Huang and Belongie 2017), and with it every instance norm."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor

from i2ikit.errors import OptionError
from i2ikit.ops import checks
from i2ikit.ops.adain import cpu
from i2ikit.ops.adain.register import adain_op, route_of
from i2ikit.ops.choice import direct
from i2ikit.ops.memory_format import in_order

NAME = "adain"


def adain(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float = 1e-5,
    residual: Tensor | None = None,
    activation: Literal["relu", "lrelu"] | None = None,
) -> Tensor:
    """Give every channel of every image a mean and a standard deviation: act(scale * (x - mean) / sqrt(var + eps) + shift + residual).

    Equation 8 of Huang and Belongie 2017, with what follows it in residual blocks. Mean and variance are those of one channel of one image;
    the variance is the biased one. A map of a single pixel has none, and becomes the shift.

    Differentiable to any order in all tensors. Runs in the dtype of x, also under autocast, and takes the statistics in float32 or better.

    Args:
        x: Maps [B, C, H, W], floating point, in either memory format, which the result keeps.
        scale: [B, C], or [C] for the same in every image (an affine instance norm), or None for 1. Any floating point, as the two below.
        shift: [B, C] or [C], or None for 0.
        eps: Added to the variance, inside the root.
        residual: Added before the activation: [B, C, H, W].
        activation: None, ``"relu"``, or ``"lrelu"`` with a slope of 0.2.

    Returns:
        [B, C, H, W].

    Raises:
        TypeError: An argument is no floating point tensor, or eps is no number.
        ValueError: A shape, a device, an eps or an activation that does not fit.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> x = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
        >>> ops.adain(x, scale=torch.tensor([[10.0]]), shift=torch.tensor([[5.0]]), eps=0.0)
        tensor([[[[-5., 15.]]]])
    """
    checks.maps(NAME, "x", x)
    checks.pixels(NAME, x)
    if residual is not None:
        checks.beside(NAME, "residual", residual, x, x.shape)
    eps = checks.number(NAME, "eps", eps, least=0)
    if activation not in (None, "relu", "lrelu"):  # a tuple: what comes in may have no hash
        raise OptionError(f'{NAME}: activation is {activation!r}; it has to be None, "relu" or "lrelu".')
    factors = _each("scale", scale, x), _each("shift", shift, x)
    if x.is_contiguous() and direct(NAME, x, scale, shift, residual) and route_of(x) == "cpu":
        return cpu.composed(x, scale, shift, residual, eps, activation)
    # The order is made here, where autograd sees it, so that the copy of an unordered x is the one that is kept for the backward pass.
    return cast(Tensor, adain_op(in_order(x), *factors, residual, eps, activation)[0])


def _each(name: str, value: Tensor | None, x: Tensor) -> Tensor | None:
    """Return what belongs to a channel as [B, C], without a copy."""
    if value is None:
        return None
    batch, channels = x.shape[:2]
    checks.beside(NAME, name, value, x, (batch, channels), (channels,))
    return value.expand(batch, channels) if value.ndim == 1 else value
