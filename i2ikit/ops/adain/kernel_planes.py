"""adain for large maps in planes (NCHW).

Many of them: one program sweeps over a plane twice, and finds it in the cache the second time. Few or very large ones: one launch takes
parts of each plane, and a second one puts the parts together, in a fixed order, and makes blocks of the result.

Offsets are of 32 bits from the plane's first pixel on, which ``base`` leads to in 64.
"""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import factor, finish, gradient, store_gradient


@triton.jit
def _moments(x, base, first, last, BLOCK: tl.constexpr):
    """Return the mean of pixels first to last, and the sum of squared deviations from it."""
    offsets = tl.arange(0, BLOCK)  # [BLOCK]
    count = (last - first).to(tl.float32)
    block = tl.load(x + base + first + offsets, mask=first + offsets < last, other=0.0).to(tl.float32)
    # Deviations are taken from the mean of the first block: what it is off by is small beside the deviations, whatever the mean.
    about = tl.sum(block) / tl.minimum(count, BLOCK * 1.0)
    total = tl.zeros([BLOCK], tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(first, last, BLOCK):
        inside = start + offsets < last
        # These pixels are read once more, so that they should stay in the cache.
        value = tl.load(x + base + start + offsets, mask=inside, other=0.0, eviction_policy="evict_last").to(tl.float32)
        deviation = tl.where(inside, value - about, 0.0)
        total += deviation
        squares += deviation * deviation
    rest = tl.sum(total) / count
    return about + rest, tl.maximum(tl.sum(squares) - rest * rest * count, 0.0)


@triton.jit
def _write(x, residual, y, base, start, pixels, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr):
    """Make one block of the result."""
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    inside = offsets < pixels
    value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
    finish((value - mean) * (rstd * gain) + bias, residual, y, base, offsets, inside, ACTIVATION)


@triton.jit
def _sums(grad, x, y, base, first, last, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr):
    """Return the sum of the gradient before the activation, and that of its products with the normalised pixels."""
    total = tl.zeros([BLOCK], tl.float32)
    product = tl.zeros([BLOCK], tl.float32)
    for start in range(first, last, BLOCK):
        offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
        inner, normal = gradient(grad, x, y, base, offsets, offsets < last, mean, rstd, gain, bias, ACTIVATION, "evict_last")
        total += inner
        product += inner * normal
    return tl.sum(total), tl.sum(product)


@triton.jit
def _write_gradient(
    grad, x, y, dx, dresidual, base, start, pixels, mean, rstd, gain, bias, total, product,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Make one block of the gradients."""
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    inside = offsets < pixels
    inner, normal = gradient(grad, x, y, base, offsets, inside, mean, rstd, gain, bias, ACTIVATION, "evict_first")
    store_gradient(dx, dresidual, base, offsets, inside, inner, normal, total, product, pixels, gain, rstd)


@triton.jit
def forward_sweep(
    x, scale, shift, residual, y, mean, rstd, channels, pixels, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalise one plane."""
    plane = tl.program_id(0)
    base = plane.to(tl.int64) * pixels
    average, squares = _moments(x, base, 0, pixels, BLOCK)
    inverse = 1.0 / tl.sqrt(squares / pixels + eps)
    tl.store(mean + plane, average)
    tl.store(rstd + plane, inverse)
    gain = factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    for start in range(0, pixels, BLOCK):
        _write(x, residual, y, base, start, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)


@triton.jit
def backward_sweep(
    grad, x, scale, shift, mean, rstd, y, dx, dscale, dshift, dresidual, channels, pixels, scale_row, shift_row,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Take the gradient of one plane."""
    plane = tl.program_id(0)
    base = plane.to(tl.int64) * pixels
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    total, product = _sums(grad, x, y, base, 0, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)
    tl.store(dshift + plane, total.to(dshift.dtype.element_ty))
    tl.store(dscale + plane, product.to(dscale.dtype.element_ty))
    if (dx is not None) or (dresidual is not None):
        for start in range(0, pixels, BLOCK):
            _write_gradient(grad, x, y, dx, dresidual, base, start, pixels, average, inverse, gain, bias, total, product,
                            ACTIVATION, BLOCK)  # fmt: skip


@triton.jit
def forward_parts(x, part_mean, part_squares, pixels, parts, length, BLOCK: tl.constexpr):
    """Take the moments of one part of one plane."""
    program = tl.program_id(0)
    first = program % parts * length
    average, squares = _moments(x, (program // parts).to(tl.int64) * pixels, first, tl.minimum(first + length, pixels), BLOCK)
    tl.store(part_mean + program, average)
    tl.store(part_squares + program, squares)


@triton.jit
def forward_blocks(
    x, scale, shift, residual, y, part_mean, part_squares, mean, rstd, channels, pixels, parts, length, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Put the parts' moments together (Chan, Golub and LeVeque 1979), and normalise one block of one plane."""
    blocks = tl.cdiv(pixels, BLOCK)
    plane, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    part = tl.arange(0, PARTS)  # [PARTS]
    format_count = part < parts
    count = tl.where(format_count, tl.minimum(pixels - part * length, length), 0).to(tl.float32)
    means = tl.load(part_mean + plane * parts + part, mask=format_count, other=0.0)
    average = tl.sum(means * count) / pixels
    squares = tl.load(part_squares + plane * parts + part, mask=format_count, other=0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(squares + count * (means - average) * (means - average)) / pixels + eps)
    if block == 0:
        tl.store(mean + plane, average)
        tl.store(rstd + plane, inverse)
    gain = factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    _write(x, residual, y, plane.to(tl.int64) * pixels, block * BLOCK, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)


@triton.jit
def backward_parts(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Take the sums of one part of one plane."""
    program = tl.program_id(0)
    plane, first = program // parts, program % parts * length
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    total, product = _sums(grad, x, y, plane.to(tl.int64) * pixels, first, tl.minimum(first + length, pixels), average, inverse,
                           gain, bias, ACTIVATION, BLOCK)  # fmt: skip
    tl.store(part_total + program, total)
    tl.store(part_product + program, product)


@triton.jit
def backward_blocks(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, dx, dscale, dshift, dresidual,
    channels, pixels, parts, scale_row, shift_row, ACTIVATION: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Put the parts' sums together, and take the gradient of one block of one plane."""
    blocks = tl.cdiv(pixels, BLOCK)
    plane, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    part = tl.arange(0, PARTS)  # [PARTS]
    total = tl.sum(tl.load(part_total + plane * parts + part, mask=part < parts, other=0.0))
    product = tl.sum(tl.load(part_product + plane * parts + part, mask=part < parts, other=0.0))
    if block == 0:
        tl.store(dshift + plane, total.to(dshift.dtype.element_ty))
        tl.store(dscale + plane, product.to(dscale.dtype.element_ty))
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    _write_gradient(grad, x, y, dx, dresidual, plane.to(tl.int64) * pixels, block * BLOCK, pixels, average, inverse, gain, bias,
                    total, product, ACTIVATION, BLOCK)  # fmt: skip
