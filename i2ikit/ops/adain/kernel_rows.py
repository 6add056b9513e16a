"""adain for maps in channels_last: the first launch computes statistics of parts of each image, the second one combines and applies them.

A program processes blocks of ROWS pixels x TC channels. Its values of channels have shape [1, TC]. Parts are combined in a fixed order, so
that results are bitwise reproducible. Offsets from an image's first pixel have 32 bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import load_factor, load_gradient, store_gradient, store_result


@triton.jit
def _locate(channels, pixels, parts, length, TC: tl.constexpr):
    """Return image, part, first and last pixel, channels [1, TC] and their mask, and the offset of the image, for this program."""
    groups = tl.cdiv(channels, TC)
    # Groups of channels vary fastest, so that programs that run at the same time read neighbouring memory.
    channel = tl.program_id(0) % groups * TC + tl.arange(0, TC)[None, :]
    part = tl.program_id(0) // groups % parts
    image = tl.program_id(0) // (groups * parts)
    first = part * length
    base = image.to(tl.int64) * channels * pixels
    return image, part, first, tl.minimum(first + length, pixels), channel, channel < channels, base


@triton.jit
def _load_parts(source, image, parts, channels, channel, valid, PARTS: tl.constexpr):
    """Load the values of all parts of an image for these channels [PARTS, TC]."""
    part = tl.arange(0, PARTS)[:, None]
    return tl.load(source + (image * parts + part) * channels + channel, mask=(part < parts) & valid, other=0.0)


@triton.jit
def forward_parts(
    x, part_mean, part_squares, channels, pixels, parts, length, ROWS: tl.constexpr, TC: tl.constexpr
):  # fmt: skip
    """Compute the mean and the squared deviations of one part of an image, for TC channels."""
    image, part, first, last, channel, valid, base = _locate(channels, pixels, parts, length, TC)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    count = (last - first).to(tl.float32)
    inside = (first + row < last) & valid
    block = tl.load(x + base + (first + row) * channels + channel, mask=inside, other=0.0).to(tl.float32)  # [ROWS, TC]
    # Deviations are taken from the mean of the first rows, which is close enough to the true mean that no digits are lost.
    origin = tl.sum(block, axis=0, keep_dims=True) / tl.minimum(count, ROWS * 1.0)
    total = tl.zeros([ROWS, TC], tl.float32)
    squares = tl.zeros([ROWS, TC], tl.float32)
    for start in range(first, last, ROWS):
        inside = (start + row < last) & valid
        offsets = (start + row) * channels + channel
        value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_last").to(tl.float32)
        deviation = tl.where(inside, value - origin, 0.0)
        total += deviation
        squares += deviation * deviation
    rest = tl.sum(total, axis=0, keep_dims=True) / count
    target = (image * parts + part) * channels + channel
    tl.store(part_mean + target, origin + rest, mask=valid)
    tl.store(part_squares + target, tl.maximum(tl.sum(squares, axis=0, keep_dims=True) - rest * rest * count, 0.0), mask=valid)


@triton.jit
def forward_rows(
    x, scale, shift, residual, y, part_mean, part_squares, mean, rstd, channels, pixels, parts, length, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Combine the statistics of the parts (Chan, Golub and LeVeque 1979), and normalise one part of an image, for TC channels."""
    image, part, first, last, channel, valid, base = _locate(channels, pixels, parts, length, TC)
    other = tl.arange(0, PARTS)[:, None]  # [PARTS, 1]
    count = tl.where(other < parts, tl.minimum(pixels - other * length, length), 0).to(tl.float32)
    means = _load_parts(part_mean, image, parts, channels, channel, valid, PARTS)
    average = tl.sum(means * count, axis=0, keep_dims=True) / pixels
    squares = _load_parts(part_squares, image, parts, channels, channel, valid, PARTS)
    squares += count * (means - average) * (means - average)
    inverse = 1.0 / tl.sqrt(tl.sum(squares, axis=0, keep_dims=True) / pixels + eps)
    if part == 0:
        tl.store(mean + image * channels + channel, average, mask=valid)
        tl.store(rstd + image * channels + channel, inverse, mask=valid)
    gain = load_factor(scale, image, channel, scale_row, valid, 1.0)
    bias = load_factor(shift, image, channel, shift_row, valid, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    for start in range(first, last, ROWS):
        inside = (start + row < last) & valid
        offsets = (start + row) * channels + channel
        value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
        store_result((value - average) * (inverse * gain) + bias, residual, y, base, offsets, inside, ACTIVATION)


@triton.jit
def backward_parts(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Compute the sums of the gradient for one part of an image, for TC channels."""
    image, part, first, last, channel, valid, base = _locate(channels, pixels, parts, length, TC)
    average = tl.load(mean + image * channels + channel, mask=valid, other=0.0)
    inverse = tl.load(rstd + image * channels + channel, mask=valid, other=0.0)
    gain = load_factor(scale, image, channel, scale_row, valid, 1.0)
    bias = load_factor(shift, image, channel, shift_row, valid, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    total = tl.zeros([ROWS, TC], tl.float32)
    product = tl.zeros([ROWS, TC], tl.float32)
    for start in range(first, last, ROWS):
        offsets = (start + row) * channels + channel
        inside = (start + row < last) & valid
        dz, normal = load_gradient(grad, x, y, base, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_last")
        total += dz
        product += dz * normal
    target = (image * parts + part) * channels + channel
    tl.store(part_total + target, tl.sum(total, axis=0, keep_dims=True), mask=valid)
    tl.store(part_product + target, tl.sum(product, axis=0, keep_dims=True), mask=valid)


@triton.jit
def backward_rows(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, dx, dscale, dshift, dresidual,
    channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Combine the sums of the parts, and compute the gradients of one part of an image, for TC channels."""
    image, part, first, last, channel, valid, base = _locate(channels, pixels, parts, length, TC)
    total = tl.sum(_load_parts(part_total, image, parts, channels, channel, valid, PARTS), axis=0, keep_dims=True)
    product = tl.sum(_load_parts(part_product, image, parts, channels, channel, valid, PARTS), axis=0, keep_dims=True)
    if part == 0:
        tl.store(dshift + image * channels + channel, total.to(dshift.dtype.element_ty), mask=valid)
        tl.store(dscale + image * channels + channel, product.to(dscale.dtype.element_ty), mask=valid)
    average = tl.load(mean + image * channels + channel, mask=valid, other=0.0)
    inverse = tl.load(rstd + image * channels + channel, mask=valid, other=0.0)
    gain = load_factor(scale, image, channel, scale_row, valid, 1.0)
    bias = load_factor(shift, image, channel, shift_row, valid, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    for start in range(first, last, ROWS):
        offsets = (start + row) * channels + channel
        inside = (start + row < last) & valid
        dz, normal = load_gradient(grad, x, y, base, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_first")
        store_gradient(dx, dresidual, base, offsets, inside, dz, normal, total, product, pixels, gain, inverse)
