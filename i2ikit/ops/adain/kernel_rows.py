"""adain for maps in channels_last: one launch takes statistics of parts of each image, a second one puts them together and applies them.

A program works on [ROWS pixels x TC channels], whose rows lie in memory as they are. Its channels' numbers are [1, TC]. Parts are put
together in a fixed order, so that results repeat to the bit. Offsets are of 32 bits from the image's first pixel on.
"""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import factor, finish, gradient, store_gradient


@triton.jit
def _place(channels, pixels, parts, length, TC: tl.constexpr):
    """Return image, part, first and last pixel, channels and mask [1, TC], and the offset of the image, of this program."""
    groups = tl.cdiv(channels, TC)
    # Groups of channels vary fastest, so that neighbours in time read neighbours in memory.
    channel = tl.program_id(0) % groups * TC + tl.arange(0, TC)[None, :]
    part = tl.program_id(0) // groups % parts
    image = tl.program_id(0) // (groups * parts)
    first = part * length
    base = image.to(tl.int64) * channels * pixels
    return image, part, first, tl.minimum(first + length, pixels), channel, channel < channels, base


@triton.jit
def _gathered(source, image, parts, channels, channel, known, PARTS: tl.constexpr):
    """Load what the parts of an image left for its channels [PARTS, TC]."""
    part = tl.arange(0, PARTS)[:, None]
    return tl.load(source + (image * parts + part) * channels + channel, mask=(part < parts) & known, other=0.0)


@triton.jit
def forward_parts(
    x, part_mean, part_squares, channels, pixels, parts, length, ROWS: tl.constexpr, TC: tl.constexpr
):  # fmt: skip
    """Take the moments of one part of an image, for TC channels."""
    image, part, first, last, channel, known, base = _place(channels, pixels, parts, length, TC)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    count = (last - first).to(tl.float32)
    inside = (first + row < last) & known
    block = tl.load(x + base + (first + row) * channels + channel, mask=inside, other=0.0).to(tl.float32)  # [ROWS, TC]
    # Deviations are taken from the mean of the first rows: what it is off by is small beside the deviations, whatever the mean.
    about = tl.sum(block, axis=0, keep_dims=True) / tl.minimum(count, ROWS * 1.0)
    total = tl.zeros([ROWS, TC], tl.float32)
    squares = tl.zeros([ROWS, TC], tl.float32)
    for start in range(first, last, ROWS):
        inside = (start + row < last) & known
        offsets = (start + row) * channels + channel
        value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_last").to(tl.float32)
        deviation = tl.where(inside, value - about, 0.0)
        total += deviation
        squares += deviation * deviation
    rest = tl.sum(total, axis=0, keep_dims=True) / count
    target = (image * parts + part) * channels + channel
    tl.store(part_mean + target, about + rest, mask=known)
    tl.store(part_squares + target, tl.maximum(tl.sum(squares, axis=0, keep_dims=True) - rest * rest * count, 0.0), mask=known)


@triton.jit
def forward_rows(
    x, scale, shift, residual, y, part_mean, part_squares, mean, rstd, channels, pixels, parts, length, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Put the parts' moments together (Chan, Golub and LeVeque 1979), and normalise one part of an image, for TC channels."""
    image, part, first, last, channel, known, base = _place(channels, pixels, parts, length, TC)
    other = tl.arange(0, PARTS)[:, None]  # [PARTS, 1]
    count = tl.where(other < parts, tl.minimum(pixels - other * length, length), 0).to(tl.float32)
    means = _gathered(part_mean, image, parts, channels, channel, known, PARTS)
    average = tl.sum(means * count, axis=0, keep_dims=True) / pixels
    squares = _gathered(part_squares, image, parts, channels, channel, known, PARTS)
    squares += count * (means - average) * (means - average)
    inverse = 1.0 / tl.sqrt(tl.sum(squares, axis=0, keep_dims=True) / pixels + eps)
    if part == 0:
        tl.store(mean + image * channels + channel, average, mask=known)
        tl.store(rstd + image * channels + channel, inverse, mask=known)
    gain = factor(scale, image, channel, scale_row, known, 1.0)
    bias = factor(shift, image, channel, shift_row, known, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    for start in range(first, last, ROWS):
        inside = (start + row < last) & known
        offsets = (start + row) * channels + channel
        value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
        finish((value - average) * (inverse * gain) + bias, residual, y, base, offsets, inside, ACTIVATION)


@triton.jit
def backward_parts(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Take the sums of one part of an image, for TC channels."""
    image, part, first, last, channel, known, base = _place(channels, pixels, parts, length, TC)
    average = tl.load(mean + image * channels + channel, mask=known, other=0.0)
    inverse = tl.load(rstd + image * channels + channel, mask=known, other=0.0)
    gain = factor(scale, image, channel, scale_row, known, 1.0)
    bias = factor(shift, image, channel, shift_row, known, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    total = tl.zeros([ROWS, TC], tl.float32)
    product = tl.zeros([ROWS, TC], tl.float32)
    for start in range(first, last, ROWS):
        offsets = (start + row) * channels + channel
        inside = (start + row < last) & known
        inner, normal = gradient(grad, x, y, base, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_last")
        total += inner
        product += inner * normal
    target = (image * parts + part) * channels + channel
    tl.store(part_total + target, tl.sum(total, axis=0, keep_dims=True), mask=known)
    tl.store(part_product + target, tl.sum(product, axis=0, keep_dims=True), mask=known)


@triton.jit
def backward_rows(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, dx, dscale, dshift, dresidual,
    channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Put the parts' sums together, and take the gradient of one part of an image, for TC channels."""
    image, part, first, last, channel, known, base = _place(channels, pixels, parts, length, TC)
    total = tl.sum(_gathered(part_total, image, parts, channels, channel, known, PARTS), axis=0, keep_dims=True)
    product = tl.sum(_gathered(part_product, image, parts, channels, channel, known, PARTS), axis=0, keep_dims=True)
    if part == 0:
        tl.store(dshift + image * channels + channel, total.to(dshift.dtype.element_ty), mask=known)
        tl.store(dscale + image * channels + channel, product.to(dscale.dtype.element_ty), mask=known)
    average = tl.load(mean + image * channels + channel, mask=known, other=0.0)
    inverse = tl.load(rstd + image * channels + channel, mask=known, other=0.0)
    gain = factor(scale, image, channel, scale_row, known, 1.0)
    bias = factor(shift, image, channel, shift_row, known, 0.0)
    row = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    for start in range(first, last, ROWS):
        offsets = (start + row) * channels + channel
        inside = (start + row < last) & known
        inner, normal = gradient(grad, x, y, base, offsets, inside, average, inverse, gain, bias, ACTIVATION, "evict_first")
        store_gradient(dx, dresidual, base, offsets, inside, inner, normal, total, product, pixels, gain, inverse)
