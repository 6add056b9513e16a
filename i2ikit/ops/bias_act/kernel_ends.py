"""The parts of bias_act in Triton, for its own kernels and for those of other operators to end with."""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.bias_act.activations import SELU_ALPHA, SELU_SCALE

_SCALE = tl.constexpr(SELU_SCALE)
_SCALED_ALPHA = tl.constexpr(SELU_SCALE * SELU_ALPHA)


@triton.jit
def _expm1(z):
    """Return exp(z) - 1 for z <= 0, exact near zero, where the subtraction would leave no digits."""
    series = z * (1 + z * (1 / 2) * (1 + z * (1 / 3) * (1 + z * (1 / 4) * (1 + z * (1 / 5) * (1 + z * (1 / 6) * (1 + z * (1 / 7)))))))
    return tl.where(z > -0.35, series, tl.exp(z) - 1)


@triton.jit
def _log1p(z):
    """Return log(1 + z) for 0 <= z <= 1, exact near zero, where the sum would forget z."""
    return tl.where(z < 0.01, z * (1 - z * (1 / 2) * (1 - z * (2 / 3))), tl.log(1 + z))


@triton.jit
def _sigmoid(z):
    """Return 1 / (1 + exp(-z)) with all its digits for negative z, and without exp(-z), which may be infinite."""
    e = tl.exp(-tl.abs(z))
    return tl.where(z < 0, e, 1.0) / (1 + e)


@triton.jit
def _tanh(z):
    u = _expm1(-2 * tl.abs(z))
    t = -u / (u + 2)
    return tl.where(z < 0, -t, t)


@triton.jit
def activate(z, alpha, ACTIVATION: tl.constexpr):
    """Return act(z). Comparisons are turned so that NaN stays NaN."""
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
    """Return act'(z); of the piecewise linear ones, the result does in place of z."""
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
        # sigmoid(-z) is 1 - sigmoid(z) with all its digits.
        d = _sigmoid(z) * _sigmoid(-z)
    elif ACTIVATION == "swish":
        d = _sigmoid(z) * (1 + z * _sigmoid(-z))
    return d


@triton.jit
def finish(z, alpha, gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr):
    """Return clamp(gain * act(z)) of numbers in float32; without CLAMPED the clamp is not looked at."""
    y = activate(z, alpha, ACTIVATION) * gain
    if CLAMPED:
        y = tl.where(y > clamp, clamp, tl.where(y < -clamp, -clamp, y))
    return y


@triton.jit
def finish_slope(z, alpha, gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr):
    """Return the derivative of ``finish``, where FROM_RESULT from its result, and then ``clamp`` as the dtype of the result holds it."""
    d = slope(z, alpha, ACTIVATION) * gain
    if CLAMPED:
        y = z
        if not FROM_RESULT:
            y = activate(z, alpha, ACTIVATION) * gain
        d = tl.where(tl.abs(y) < clamp, d, 0.0)
    return d
