"""What every kernel of adain does with pixels. Offsets of 32 bits count from ``base``, of 64; all numbers are float32 in between."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def factor(source, image, channel, row, known, absent: tl.constexpr):
    """Load what belongs to a channel of an image, or take a constant where there is nothing to load."""
    if source is None:
        value = (channel * 0 + absent).to(tl.float32)
    else:
        value = tl.load(source + image * row + channel, mask=known, other=0.0).to(tl.float32)
    return value


@triton.jit
def finish(value, residual, y, base, offsets, inside, ACTIVATION: tl.constexpr):
    """Add the residual, apply the activation, under which what is no number stays so, and store."""
    if residual is not None:
        value += tl.load(residual + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
    if ACTIVATION == "relu":
        value = tl.where(value < 0, 0.0, value)
    elif ACTIVATION == "lrelu":
        value = tl.where(value < 0, value * 0.2, value)
    tl.store(y + base + offsets, value.to(y.dtype.element_ty), mask=inside)


@triton.jit
def gradient(
    grad, x, y, base, offsets, inside, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, EVICTION: tl.constexpr
):  # fmt: skip
    """Return the gradient before the activation, which is 0 where there is no pixel, and the normalised pixels."""
    inner = tl.load(grad + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32)
    centred = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32) - mean
    if ACTIVATION != "none":
        # Without a residual the sign of the result is made anew, by the formula of the forward pass.
        if y is None:
            sign = centred * (rstd * gain) + bias
        else:
            sign = tl.load(y + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32)
        inner = tl.where(sign <= 0, inner * 0.2 if ACTIVATION == "lrelu" else 0.0, inner)
    return inner, centred * rstd


@triton.jit
def store_gradient(dx, dresidual, base, offsets, inside, inner, normal, total, product, pixels, gain, rstd):
    """Store the gradients of x and residual, each where it is wanted; total and product are the plane's sums."""
    if dresidual is not None:
        tl.store(dresidual + base + offsets, inner.to(dresidual.dtype.element_ty), mask=inside)
    if dx is not None:
        value = (inner - (total + normal * product) / pixels) * (gain * rstd)
        tl.store(dx + base + offsets, value.to(dx.dtype.element_ty), mask=inside)
