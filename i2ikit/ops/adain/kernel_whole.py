"""adain for maps that fit into the registers of one program: every pixel is read once and written once, in both memory formats."""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import factor, finish, gradient, store_gradient


@triton.jit
def _tile(planes, channels, pixels, R: tl.constexpr, N: tl.constexpr, CHANNELS_LAST: tl.constexpr):
    """Return the planes [R, 1] of this program, which of them there are, the first one's offset, and offsets and mask [R, N] from there."""
    program = tl.program_id(0)
    rows = tl.arange(0, R)[:, None]  # [R, 1]
    columns = tl.arange(0, N)[None, :]  # [1, N]
    if CHANNELS_LAST:
        groups = tl.cdiv(channels, R)
        image, channel = program // groups, program % groups * R
        plane = image * channels + channel + rows
        known = channel + rows < channels
        start = image.to(tl.int64) * channels * pixels + channel
        offsets = columns * channels + rows
    else:
        plane = program * R + rows
        known = plane < planes
        start = (program * R).to(tl.int64) * pixels
        offsets = rows * pixels + columns
    return plane, known, start, offsets, known & (columns < pixels)


@triton.jit
def forward(
    x, scale, shift, residual, y, mean, rstd, planes, channels, pixels, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, CHANNELS_LAST: tl.constexpr, R: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """Normalise R planes of up to N pixels."""
    plane, known, start, offsets, inside = _tile(planes, channels, pixels, R, N, CHANNELS_LAST)
    value = tl.load(x + start + offsets, mask=inside, other=0.0).to(tl.float32)  # [R, N]
    average = tl.sum(value, axis=1, keep_dims=True) / pixels  # [R, 1]
    # The values are still here: squares of what is left after the mean lose no digits to it.
    centred = tl.where(inside, value - average, 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=1, keep_dims=True) / pixels + eps)
    tl.store(mean + plane, average, mask=known)
    tl.store(rstd + plane, inverse, mask=known)
    gain = factor(scale, plane // channels, plane % channels, scale_row, known, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, known, 0.0)
    finish(centred * (inverse * gain) + bias, residual, y, start, offsets, inside, ACTIVATION)


@triton.jit
def backward(
    grad, x, scale, shift, mean, rstd, y, dx, dscale, dshift, dresidual, planes, channels, pixels, scale_row, shift_row,
    ACTIVATION: tl.constexpr, CHANNELS_LAST: tl.constexpr, R: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """Take the gradient of R planes of up to N pixels."""
    plane, known, start, offsets, inside = _tile(planes, channels, pixels, R, N, CHANNELS_LAST)
    average = tl.load(mean + plane, mask=known, other=0.0)  # [R, 1]
    inverse = tl.load(rstd + plane, mask=known, other=0.0)
    gain = factor(scale, plane // channels, plane % channels, scale_row, known, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, known, 0.0)
    inner, normal = gradient(grad, x, y, start, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_first")
    total = tl.sum(inner, axis=1, keep_dims=True)
    product = tl.sum(inner * normal, axis=1, keep_dims=True)
    tl.store(dshift + plane, total.to(dshift.dtype.element_ty), mask=known)
    tl.store(dscale + plane, product.to(dscale.dtype.element_ty), mask=known)
    store_gradient(dx, dresidual, start, offsets, inside, inner, normal, total, product, pixels, gain, inverse)
