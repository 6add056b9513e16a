"""adain for planes that fit into the registers of one program, in both memory formats: every pixel is read once and written once."""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import load_factor, load_gradient, store_gradient, store_result


@triton.jit
def _locate_tile(planes, channels, pixels, R: tl.constexpr, N: tl.constexpr, CHANNELS_LAST: tl.constexpr):
    """Return this program's planes [R, 1] and their mask, the offset of the first one, and the offsets [R, N] from there and their mask."""
    program = tl.program_id(0)
    rows = tl.arange(0, R)[:, None]  # [R, 1]
    columns = tl.arange(0, N)[None, :]  # [1, N]
    if CHANNELS_LAST:
        groups = tl.cdiv(channels, R)
        image, channel = program // groups, program % groups * R
        plane = image * channels + channel + rows
        valid = channel + rows < channels
        start = image.to(tl.int64) * channels * pixels + channel
        offsets = columns * channels + rows
    else:
        plane = program * R + rows
        valid = plane < planes
        start = (program * R).to(tl.int64) * pixels
        offsets = rows * pixels + columns
    return plane, valid, start, offsets, valid & (columns < pixels)


@triton.jit
def forward(
    x, scale, shift, residual, y, mean, rstd, planes, channels, pixels, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, CHANNELS_LAST: tl.constexpr, R: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """Normalise R planes of up to N pixels."""
    plane, valid, start, offsets, inside = _locate_tile(planes, channels, pixels, R, N, CHANNELS_LAST)
    value = tl.load(x + start + offsets, mask=inside, other=0.0).to(tl.float32)  # [R, N]
    average = tl.sum(value, axis=1, keep_dims=True) / pixels  # [R, 1]
    # The values are still in registers: the squares are taken after the mean is subtracted, and so lose no digits.
    centered = tl.where(inside, value - average, 0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(centered * centered, axis=1, keep_dims=True) / pixels + eps)
    tl.store(mean + plane, average, mask=valid)
    tl.store(rstd + plane, inverse, mask=valid)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, valid, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, valid, 0.0)
    store_result(centered * (inverse * gain) + bias, residual, y, start, offsets, inside, ACTIVATION)


@triton.jit
def backward(
    grad, x, scale, shift, mean, rstd, y, dx, dscale, dshift, dresidual, planes, channels, pixels, scale_row, shift_row,
    ACTIVATION: tl.constexpr, CHANNELS_LAST: tl.constexpr, R: tl.constexpr, N: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of R planes of up to N pixels."""
    plane, valid, start, offsets, inside = _locate_tile(planes, channels, pixels, R, N, CHANNELS_LAST)
    average = tl.load(mean + plane, mask=valid, other=0.0)  # [R, 1]
    inverse = tl.load(rstd + plane, mask=valid, other=0.0)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, valid, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, valid, 0.0)
    dz, normal = load_gradient(grad, x, y, start, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_first")
    total = tl.sum(dz, axis=1, keep_dims=True)
    product = tl.sum(dz * normal, axis=1, keep_dims=True)
    tl.store(dshift + plane, total.to(dshift.dtype.element_ty), mask=valid)
    tl.store(dscale + plane, product.to(dscale.dtype.element_ty), mask=valid)
    store_gradient(dx, dresidual, start, offsets, inside, dz, normal, total, product, pixels, gain, inverse)
