"""Noise, bias, activation, gain and clamp in one operator: what follows every convolution of StyleGAN2 (Karras et al. 2020)."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from i2ikit.errors import InputTypeError, OptionError, SpecError, suggest
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

    Differentiable to any order in x, bias and noise. Runs in the dtype of x, also under autocast; on a GPU it computes in float32. For the
    gradient, a piecewise linear activation saves only its result, linear without a clamp saves nothing, and the others save their inputs.

    Args:
        x: [..., C, ...], floating point, with at least one axis. The result keeps the memory format of [B, C, H, W].
        bias: [C], added along ``dim``. Its floating point dtype may differ from that of x.
        activation: ``linear``, ``relu``, ``lrelu``, ``tanh``, ``sigmoid``, ``elu``, ``selu``, ``softplus`` or ``swish``.
        alpha: Slope of lrelu below zero; None: 0.2. The other activations ignore it.
        gain: Multiplies the result of the activation; None: sqrt(2) for relu, lrelu and swish, and 1 for the others.
        clamp: Limits the result to -clamp .. clamp, after the gain; None: no limit.
        noise: [B, 1, H, W] or [1, 1, H, W], the same for all channels, already multiplied by its strength. It requires x [B, C, H, W] and
            ``dim`` 1.
        dim: Axis of x along which the bias is added; negative numbers count from the end.

    Returns:
        A tensor with the shape and dtype of x.

    Raises:
        TypeError: x, bias or noise is not a floating point tensor, or alpha, gain or clamp is not a number.
        ValueError: A shape, device or axis does not fit, or the activation is unknown.

    Example:
        >>> import torch
        >>> from i2ikit.ops.bias_act import bias_act
        >>> bias_act(torch.tensor([[-1.0, 2.0]]), torch.tensor([0.0, 1.0]), "lrelu", gain=1.0)
        tensor([[-0.2000,  3.0000]])
    """
    checks.check_tensor(NAME, "x", x, rank=None)
    axis = _check_axis(x, dim)
    if bias is not None:
        checks.check_shape(NAME, "bias", bias, x, [x.shape[axis]])
    if noise is not None:
        _check_noise(noise, x, dim, axis)
    return cast(Tensor, register.bias_act(x, bias, noise, *resolve_settings(NAME, activation, alpha, gain, clamp), axis))


def resolve_settings(
    op: str, activation: str, alpha: float | None, gain: float | None, clamp: float | None, *, gain_name: str = "gain"
) -> tuple[str, float, float, float | None]:
    """Check an activation and its numbers, and replace None by the defaults of the activation.

    Raises:
        TypeError: alpha, gain or clamp is not a number.
        ValueError: The activation is unknown, a number is not finite, or the clamp is below zero.
    """
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise OptionError(f'{op}: No activation is called "{activation}". {suggest(str(activation), ACTIVATIONS)}')
    defaults = ACTIVATIONS[activation]
    # A slope that is ignored is not passed on, because it decides what is saved for the gradient.
    slope = _check_or_default(op, "alpha", alpha, defaults.alpha) if activation == "lrelu" else defaults.alpha
    limit = None if clamp is None else checks.check_number(op, "clamp", clamp, minimum=0, optional=True)
    return activation, slope, _check_or_default(op, gain_name, gain, defaults.gain), limit


def _check_or_default(op: str, name: str, value: float | None, default: float) -> float:
    return default if value is None else checks.check_number(op, name, value, optional=True)


def _check_axis(x: Tensor, dim: int) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise InputTypeError(f"{NAME}: dim is {dim}; it must be an integer.")
    if x.ndim == 0:
        raise SpecError(f"{NAME}: x has shape []; it must have at least one axis.")
    if not -x.ndim <= dim < x.ndim:
        raise SpecError(f"{NAME}: dim is {dim}; for x of shape {list(x.shape)} it must be between {-x.ndim} and {x.ndim - 1}.")
    return dim % x.ndim


def _check_noise(noise: Tensor, x: Tensor, dim: int, axis: int) -> None:
    if x.ndim != 4 or axis != 1:
        raise SpecError(
            f"{NAME}: noise requires x [B, C, H, W] and dim 1; x has shape {list(x.shape)} and dim is {dim}. Add the noise to x instead."
        )
    batch, _, height, width = x.shape
    checks.check_shape(NAME, "noise", noise, x, [batch, 1, height, width], [1, 1, height, width])
