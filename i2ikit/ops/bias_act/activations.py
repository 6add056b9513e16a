"""The nine activations of bias_act, and what must be saved for their gradient."""

from __future__ import annotations

from typing import NamedTuple

# The fixed point of Klambauer et al. 2017, equation 14, for mean 0 and variance 1.
SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


class Activation(NamedTuple):
    """The defaults and properties of one activation.

    Attributes:
        alpha: Slope below zero; only lrelu has it as an argument.
        gain: Factor of the result. It keeps the second moment of standard normal inputs, with the values of StyleGAN2.
        piecewise_linear: The second derivative is zero, and the first one follows from the sign of the result.
    """

    alpha: float
    gain: float
    piecewise_linear: bool


ACTIVATIONS = {
    "linear": Activation(0.0, 1.0, True),
    "relu": Activation(0.0, 2.0**0.5, True),
    "lrelu": Activation(0.2, 2.0**0.5, True),
    "tanh": Activation(0.0, 1.0, False),
    "sigmoid": Activation(0.0, 1.0, False),
    "elu": Activation(0.0, 1.0, False),
    "selu": Activation(0.0, 1.0, False),
    "softplus": Activation(0.0, 1.0, False),
    "swish": Activation(0.0, 2.0**0.5, False),
}


def is_constant_slope(activation: str, clamp: float | None) -> bool:
    """Return whether the gradient needs nothing but the gain."""
    return activation == "linear" and clamp is None


def is_slope_in_result(activation: str, alpha: float, gain: float) -> bool:
    """Return whether the slope follows from the result alone: the activation is piecewise linear and does not change the sign."""
    return ACTIVATIONS[activation].piecewise_linear and alpha >= 0 and gain > 0
