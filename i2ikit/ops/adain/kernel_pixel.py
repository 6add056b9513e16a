"""What all kernels of adain do with pixels. ``base`` has 64 bits, and offsets from there have 32. All computations are in float32."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def load_factor(source, image, channel, row, valid, default: tl.constexpr):
    """Load the factor of a channel of an image, or return a constant if there is no factor."""
    if source is None:
        value = (channel * 0 + default).to(tl.float32)
    else:
        value = tl.load(source + image * row + channel, mask=valid, other=0.0).to(tl.float32)
    return value


@triton.jit
def store_result(value, residual, y, base, offsets, inside, ACTIVATION: tl.constexpr):
    """Add the residual, apply the activation, and store. NaN stays NaN."""
    if residual is not None:
        value += tl.load(residual + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
    if ACTIVATION == "relu":
        value = tl.where(value < 0, 0.0, value)
    elif ACTIVATION == "lrelu":
        value = tl.where(value < 0, value * 0.2, value)
    tl.store(y + base + offsets, value.to(y.dtype.element_ty), mask=inside)


@triton.jit
def load_gradient(
    grad, x, y, base, offsets, inside, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, EVICTION: tl.constexpr
):  # fmt: skip
    """Return the gradient before the activation, which is 0 outside the maps, and the normalised pixels."""
    dz = tl.load(grad + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32)
    centered = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32) - mean
    if ACTIVATION != "none":
        # Without a residual the sign of the result is computed again, by the formula of the forward pass.
        if y is None:
            sign = centered * (rstd * gain) + bias
        else:
            sign = tl.load(y + base + offsets, mask=inside, other=0.0, eviction_policy=EVICTION).to(tl.float32)
        dz = tl.where(sign <= 0, dz * 0.2 if ACTIVATION == "lrelu" else 0.0, dz)
    return dz, centered * rstd


@triton.jit
def store_gradient(dx, dresidual, base, offsets, inside, dz, normal, total, product, pixels, gain, rstd):
    """Store the gradients of x and residual, each if it is needed. total and product are the sums of the whole plane."""
    if dresidual is not None:
        tl.store(dresidual + base + offsets, dz.to(dresidual.dtype.element_ty), mask=inside)
    if dx is not None:
        value = (dz - (total + normal * product) / pixels) * (gain * rstd)
        tl.store(dx + base + offsets, value.to(dx.dtype.element_ty), mask=inside)
