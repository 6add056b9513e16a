"""Add noise and a bias, activate, multiply and clamp in one step: what follows every convolution of StyleGAN (Karras et al. 2020)."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from i2ikit.errors import KindError, OptionError, SpecError, suggest
from i2ikit.ops import checks
from i2ikit.ops.bias_act import register
from i2ikit.ops.bias_act.activations import ACTIVATIONS

NAME = "bias_act"


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    activation: str = "lrelu",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    *,
    noise: Tensor | None = None,
    dim: int = 1,
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias)).

    Differentiable to any order in x, bias and noise. Runs in the dtype of x, also under autocast; on a GPU it computes in float32. The
    piecewise linear activations keep only their result for the gradient, linear without a clamp keeps nothing, the others keep what
    came in.

    Args:
        x: [..., C, ...], floating point, of any rank from 1; [B, C, H, W] keeps its memory format.
        bias: [C], added along ``dim``; it may be float32 where x is half as wide.
        activation: ``linear``, ``relu``, ``lrelu``, ``tanh``, ``sigmoid``, ``elu``, ``selu``, ``softplus`` or ``swish``.
        alpha: Slope of lrelu below zero, 0.2 where None. The others have none and ignore it.
        gain: Multiplies what was activated; where None, sqrt(2) for relu, lrelu and swish, and 1 for the others.
        clamp: Limits the result to -clamp .. clamp, after the gain; None does not.
        noise: [B, 1, H, W] or [1, 1, H, W], only for x [B, C, H, W] and ``dim`` 1: one plane for all channels, already multiplied by its
            strength.
        dim: Axis of x that the bias lies along; negative ones count from the end.

    Returns:
        Of the shape and dtype of x.

    Raises:
        TypeError: x, bias or noise is no floating point tensor, or alpha, gain or clamp no number.
        ValueError: A shape, device, name or axis that does not fit.

    Example:
        >>> import torch
        >>> from i2ikit.ops.bias_act import bias_act
        >>> bias_act(torch.tensor([[-1.0, 2.0]]), torch.tensor([0.0, 1.0]), "lrelu", gain=1.0)
        tensor([[-0.2000,  3.0000]])
    """
    checks.maps(NAME, "x", x, rank=None)
    axis = _axis(x, dim)
    if bias is not None:
        checks.beside(NAME, "bias", bias, x, [x.shape[axis]])
    if noise is not None:
        _check_noise(noise, x, dim, axis)
    return cast(Tensor, register.bias_act(x, bias, noise, *settings(NAME, activation, alpha, gain, clamp), axis))


def settings(
    op: str, activation: str, alpha: float | None, gain: float | None, clamp: float | None, *, gain_name: str = "gain"
) -> tuple[str, float, float, float | None]:
    """Check an activation and its numbers, and return them with those that it has by itself in place of None.

    Raises:
        TypeError: alpha, gain or clamp is no number.
        ValueError: There is no such activation, a number is not finite, or the clamp is below zero.
    """
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise OptionError(f'{op}: activation is "{activation}". {suggest(str(activation), ACTIVATIONS)}')
    defaults = ACTIVATIONS[activation]
    # A slope that is ignored is not passed on, so that it cannot decide what is kept for the gradient.
    slope = _number(op, "alpha", alpha, defaults.alpha) if activation == "lrelu" else defaults.alpha
    limit = None if clamp is None else checks.number(op, "clamp", clamp, least=0, optional=True)
    return activation, slope, _number(op, gain_name, gain, defaults.gain), limit


def _number(op: str, name: str, value: float | None, default: float) -> float:
    return default if value is None else checks.number(op, name, value, optional=True)


def _axis(x: Tensor, dim: int) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise KindError(f"{NAME}: dim is {dim}; it has to be a whole number.")
    if x.ndim == 0:
        raise SpecError(f"{NAME}: x has shape []; it has to have at least one axis.")
    if not -x.ndim <= dim < x.ndim:
        raise SpecError(f"{NAME}: dim is {dim}; for x of shape {list(x.shape)} it has to lie between {-x.ndim} and {x.ndim - 1}.")
    return dim % x.ndim


def _check_noise(noise: Tensor, x: Tensor, dim: int, axis: int) -> None:
    if x.ndim != 4 or axis != 1:
        raise SpecError(
            f"{NAME}: noise goes with x [B, C, H, W] and dim 1 only; x has shape {list(x.shape)}, and dim is {dim}. Add it to x before."
        )
    batch, _, height, width = x.shape
    checks.beside(NAME, "noise", noise, x, [batch, 1, height, width], [1, 1, height, width])
