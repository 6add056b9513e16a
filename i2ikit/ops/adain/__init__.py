"""Adaptive instance normalisation (Huang and Belongie 2017), which includes every instance norm."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor

from i2ikit.errors import OptionError
from i2ikit.ops import checks
from i2ikit.ops.adain import cpu
from i2ikit.ops.adain.register import adain_op, choose_implementation
from i2ikit.ops.implementations import can_run_directly
from i2ikit.ops.memory_format import make_contiguous

NAME = "adain"


def adain(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    eps: float = 1e-5,
    residual: Tensor | None = None,
    activation: Literal["relu", "lrelu"] | None = None,
) -> Tensor:
    """Return act(scale * (x - mean) / sqrt(var + eps) + shift + residual), with mean and variance of each channel of each image.

    Equation 8 of Huang and Belongie 2017, followed by the residual and the activation of a residual block. The variance is the biased one.
    For a map of a single pixel it is 0, and the pixel becomes the shift.

    Differentiable to any order in all tensors. Runs in the dtype of x, also under autocast; the statistics are in float32 or better.

    Args:
        x: Maps [B, C, H, W], floating point. The result keeps their memory format.
        scale: [B, C], or [C] for the same values in every image (an affine instance norm), or None for 1. Its floating point dtype, and
            those of shift and residual, may differ from that of x.
        shift: [B, C] or [C], or None for 0.
        eps: Added to the variance, inside the square root.
        residual: [B, C, H, W], added before the activation.
        activation: None, ``"relu"``, or ``"lrelu"`` with slope 0.2.

    Returns:
        [B, C, H, W].

    Raises:
        TypeError: An argument is not a floating point tensor, or eps is not a number.
        ValueError: A shape or device does not fit, or eps or activation has a value that is not supported.

    Example:
        >>> import torch
        >>> from i2ikit import ops
        >>> x = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
        >>> ops.adain(x, scale=torch.tensor([[10.0]]), shift=torch.tensor([[5.0]]), eps=0.0)
        tensor([[[[-5., 15.]]]])
    """
    checks.check_tensor(NAME, "x", x)
    checks.check_not_empty(NAME, x)
    if residual is not None:
        checks.check_shape(NAME, "residual", residual, x, x.shape)
    eps = checks.check_number(NAME, "eps", eps, minimum=0)
    if activation not in (None, "relu", "lrelu"):  # not a set: the argument may have no hash
        raise OptionError(f'{NAME}: activation is {activation!r}; it must be None, "relu" or "lrelu".')
    factors = _expand_factor("scale", scale, x), _expand_factor("shift", shift, x)
    if x.is_contiguous() and can_run_directly(NAME, x, scale, shift, residual) and choose_implementation(x) == "cpu":
        return cpu.adain_direct(x, scale, shift, residual, eps, activation)
    # x is made contiguous here, where autograd records it, so that the copy is the tensor that is saved for the backward pass.
    return cast(Tensor, adain_op(make_contiguous(x), *factors, residual, eps, activation)[0])


def _expand_factor(name: str, value: Tensor | None, x: Tensor) -> Tensor | None:
    """Return a factor [C] or [B, C] as [B, C], without a copy."""
    if value is None:
        return None
    batch, channels = x.shape[:2]
    checks.check_shape(NAME, name, value, x, (batch, channels), (channels,))
    return value.expand(batch, channels) if value.ndim == 1 else value
