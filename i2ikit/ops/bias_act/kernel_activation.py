"""Activation, gain and clamp of bias_act in Triton, for its own kernels and at the end of other operators' kernels."""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE

_SCALE = tl.constexpr(SELU_SCALE)
_SCALED_ALPHA = tl.constexpr(SELU_SCALE * SELU_ALPHA)


@triton.jit
def _expm1(z):
    """Return exp(z) - 1 for z <= 0, by a series near zero, where the subtraction would lose all digits."""
    series = z * (1 + z * (1 / 2) * (1 + z * (1 / 3) * (1 + z * (1 / 4) * (1 + z * (1 / 5) * (1 + z * (1 / 6) * (1 + z * (1 / 7)))))))
    return tl.where(z > -0.35, series, tl.exp(z) - 1)


@triton.jit
def _log1p(z):
    """Return log(1 + z) for 0 <= z <= 1, by a series near zero, where the sum would lose the digits of z."""
    return tl.where(z < 0.01, z * (1 - z * (1 / 2) * (1 - z * (2 / 3))), tl.log(1 + z))


@triton.jit
def _sigmoid(z):
    """Return 1 / (1 + exp(-z)), accurate for negative z, and without computing exp(-z), which may overflow."""
    e = tl.exp(-tl.abs(z))
    return tl.where(z < 0, e, 1.0) / (1 + e)


@triton.jit
def _tanh(z):
    u = _expm1(-2 * tl.abs(z))
    t = -u / (u + 2)
    return tl.where(z < 0, -t, t)


@triton.jit
def activate(z, alpha, ACTIVATION: tl.constexpr):
    """Return act(z). The comparisons are written so that NaN stays NaN."""
    y = z
    if ACTIVATION == "relu":
        y = tl.where(z < 0, 0.0, z)
    elif ACTIVATION == "lrelu":
        y = tl.where(z < 0, z * alpha, z)
    elif ACTIVATION == "tanh":
        y = _tanh(z)
    elif ACTIVATION == "sigmoid":
        y = _sigmoid(z)
    elif ACTIVATION == "elu":
        y = tl.where(z > 0, z, _expm1(tl.where(z > 0, 0.0, z)))
    elif ACTIVATION == "selu":
        y = tl.where(z > 0, z * _SCALE, _expm1(tl.where(z > 0, 0.0, z)) * _SCALED_ALPHA)
    elif ACTIVATION == "softplus":
        y = tl.where(z < 0, 0.0, z) + _log1p(tl.exp(-tl.abs(z)))
    elif ACTIVATION == "swish":
        y = z * _sigmoid(z)
    return y


@triton.jit
def slope(z, alpha, ACTIVATION: tl.constexpr):
    """Return act'(z). For a piecewise linear activation z may be its result."""
    d = tl.full(z.shape, 1.0, tl.float32)
    if ACTIVATION == "relu":
        d = tl.where(z > 0, 1.0, 0.0)
    elif ACTIVATION == "lrelu":
        d = tl.where(z > 0, 1.0, alpha)
    elif ACTIVATION == "tanh":
        t = _tanh(z)
        d = 1 - t * t
    elif ACTIVATION == "elu":
        d = tl.exp(tl.where(z > 0, 0.0, z))
    elif ACTIVATION == "selu":
        d = tl.where(z > 0, _SCALE, tl.exp(tl.where(z > 0, 0.0, z)) * _SCALED_ALPHA)
    elif ACTIVATION == "softplus":
        d = _sigmoid(z)
    elif ACTIVATION == "sigmoid":
        # sigmoid(-z) is 1 - sigmoid(z) without loss of digits.
        d = _sigmoid(z) * _sigmoid(-z)
    elif ACTIVATION == "swish":
        d = _sigmoid(z) * (1 + z * _sigmoid(-z))
    return d


@triton.jit
def finish(z, alpha, gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr):
    """Return clamp(gain * act(z)) in float32; without CLAMPED the clamp is ignored."""
    y = activate(z, alpha, ACTIVATION) * gain
    if CLAMPED:
        y = tl.where(y > clamp, clamp, tl.where(y < -clamp, -clamp, y))
    return y


@triton.jit
def finish_slope(z, alpha, gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr):
    """Return the derivative of ``finish``. With FROM_RESULT, z is its result, and ``clamp`` must be rounded to the dtype of the result."""
    d = slope(z, alpha, ACTIVATION) * gain
    if CLAMPED:
        y = z
        if not FROM_RESULT:
            y = activate(z, alpha, ACTIVATION) * gain
        d = tl.where(tl.abs(y) < clamp, d, 0.0)
    return d
