"""adain for large planes in NCHW.

Many planes: one program reads a plane twice, the second time from the cache. Few or very large planes: the first launch computes the sums
of parts of each plane. The second launch combines the parts, in a fixed order, and computes blocks of the result.

``base`` is the 64-bit offset of a plane's first pixel; offsets from there have 32 bits.
"""

from __future__ import annotations

import triton
import triton.language as tl

from i2ikit.ops.adain.kernel_pixel import load_factor, load_gradient, store_gradient, store_result


@triton.jit
def _compute_moments(x, base, first, last, BLOCK: tl.constexpr):
    """Return the mean of the pixels from first to last, and the sum of their squared deviations from it."""
    offsets = tl.arange(0, BLOCK)  # [BLOCK]
    count = (last - first).to(tl.float32)
    block = tl.load(x + base + first + offsets, mask=first + offsets < last, other=0.0).to(tl.float32)
    # Deviations are taken from the mean of the first block, which is close enough to the true mean that no digits are lost.
    origin = tl.sum(block) / tl.minimum(count, BLOCK * 1.0)
    total = tl.zeros([BLOCK], tl.float32)
    squares = tl.zeros([BLOCK], tl.float32)
    for start in range(first, last, BLOCK):
        inside = start + offsets < last
        # These pixels are read again, and so should stay in the cache.
        value = tl.load(x + base + start + offsets, mask=inside, other=0.0, eviction_policy="evict_last").to(tl.float32)
        deviation = tl.where(inside, value - origin, 0.0)
        total += deviation
        squares += deviation * deviation
    rest = tl.sum(total) / count
    return origin + rest, tl.maximum(tl.sum(squares) - rest * rest * count, 0.0)


@triton.jit
def _normalize_block(x, residual, y, base, start, pixels, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr):
    """Compute one block of the result."""
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    inside = offsets < pixels
    value = tl.load(x + base + offsets, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32)
    store_result((value - mean) * (rstd * gain) + bias, residual, y, base, offsets, inside, ACTIVATION)


@triton.jit
def _sum_gradient(grad, x, y, base, first, last, mean, rstd, gain, bias, ACTIVATION: tl.constexpr, BLOCK: tl.constexpr):
    """Return the sum of the gradient before the activation, and the sum of its products with the normalised pixels."""
    total = tl.zeros([BLOCK], tl.float32)
    product = tl.zeros([BLOCK], tl.float32)
    for start in range(first, last, BLOCK):
        offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
        dz, normal = load_gradient(grad, x, y, base, offsets, offsets < last, mean, rstd, gain, bias, ACTIVATION, "evict_last")
        total += dz
        product += dz * normal
    return tl.sum(total), tl.sum(product)


@triton.jit
def _write_gradient(
    grad, x, y, dx, dresidual, base, start, pixels, mean, rstd, gain, bias, total, product,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute one block of the gradients."""
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    inside = offsets < pixels
    dz, normal = load_gradient(grad, x, y, base, offsets, inside, mean, rstd, gain, bias, ACTIVATION, "evict_first")
    store_gradient(dx, dresidual, base, offsets, inside, dz, normal, total, product, pixels, gain, rstd)


@triton.jit
def forward_sweep(
    x, scale, shift, residual, y, mean, rstd, channels, pixels, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Normalise one plane."""
    plane = tl.program_id(0)
    base = plane.to(tl.int64) * pixels
    average, squares = _compute_moments(x, base, 0, pixels, BLOCK)
    inverse = 1.0 / tl.sqrt(squares / pixels + eps)
    tl.store(mean + plane, average)
    tl.store(rstd + plane, inverse)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    for start in range(0, pixels, BLOCK):
        _normalize_block(x, residual, y, base, start, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)


@triton.jit
def backward_sweep(
    grad, x, scale, shift, mean, rstd, y, dx, dscale, dshift, dresidual, channels, pixels, scale_row, shift_row,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one plane."""
    plane = tl.program_id(0)
    base = plane.to(tl.int64) * pixels
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    total, product = _sum_gradient(grad, x, y, base, 0, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)
    tl.store(dshift + plane, total.to(dshift.dtype.element_ty))
    tl.store(dscale + plane, product.to(dscale.dtype.element_ty))
    if (dx is not None) or (dresidual is not None):
        for start in range(0, pixels, BLOCK):
            _write_gradient(grad, x, y, dx, dresidual, base, start, pixels, average, inverse, gain, bias, total, product,
                            ACTIVATION, BLOCK)  # fmt: skip


@triton.jit
def forward_parts(x, part_mean, part_squares, pixels, parts, length, BLOCK: tl.constexpr):
    """Compute the mean and the squared deviations of one part of one plane."""
    program = tl.program_id(0)
    first = program % parts * length
    average, squares = _compute_moments(x, (program // parts).to(tl.int64) * pixels, first, tl.minimum(first + length, pixels), BLOCK)
    tl.store(part_mean + program, average)
    tl.store(part_squares + program, squares)


@triton.jit
def forward_blocks(
    x, scale, shift, residual, y, part_mean, part_squares, mean, rstd, channels, pixels, parts, length, scale_row, shift_row, eps,
    ACTIVATION: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Combine the statistics of the parts (Chan, Golub and LeVeque 1979), and normalise one block of one plane."""
    blocks = tl.cdiv(pixels, BLOCK)
    plane, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    part = tl.arange(0, PARTS)  # [PARTS]
    valid = part < parts
    count = tl.where(valid, tl.minimum(pixels - part * length, length), 0).to(tl.float32)
    means = tl.load(part_mean + plane * parts + part, mask=valid, other=0.0)
    average = tl.sum(means * count) / pixels
    squares = tl.load(part_squares + plane * parts + part, mask=valid, other=0.0)
    inverse = 1.0 / tl.sqrt(tl.sum(squares + count * (means - average) * (means - average)) / pixels + eps)
    if block == 0:
        tl.store(mean + plane, average)
        tl.store(rstd + plane, inverse)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    _normalize_block(x, residual, y, plane.to(tl.int64) * pixels, block * BLOCK, pixels, average, inverse, gain, bias, ACTIVATION, BLOCK)


@triton.jit
def backward_parts(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, channels, pixels, parts, length, scale_row, shift_row,
    ACTIVATION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Compute the sums of the gradient for one part of one plane."""
    program = tl.program_id(0)
    plane, first = program // parts, program % parts * length
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    total, product = _sum_gradient(grad, x, y, plane.to(tl.int64) * pixels, first, tl.minimum(first + length, pixels), average, inverse,
                           gain, bias, ACTIVATION, BLOCK)  # fmt: skip
    tl.store(part_total + program, total)
    tl.store(part_product + program, product)


@triton.jit
def backward_blocks(
    grad, x, scale, shift, mean, rstd, y, part_total, part_product, dx, dscale, dshift, dresidual,
    channels, pixels, parts, scale_row, shift_row, ACTIVATION: tl.constexpr, PARTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Combine the sums of the parts, and compute the gradients of one block of one plane."""
    blocks = tl.cdiv(pixels, BLOCK)
    plane, block = tl.program_id(0) // blocks, tl.program_id(0) % blocks
    part = tl.arange(0, PARTS)  # [PARTS]
    total = tl.sum(tl.load(part_total + plane * parts + part, mask=part < parts, other=0.0))
    product = tl.sum(tl.load(part_product + plane * parts + part, mask=part < parts, other=0.0))
    if block == 0:
        tl.store(dshift + plane, total.to(dshift.dtype.element_ty))
        tl.store(dscale + plane, product.to(dscale.dtype.element_ty))
    average, inverse = tl.load(mean + plane), tl.load(rstd + plane)
    gain = load_factor(scale, plane // channels, plane % channels, scale_row, True, 1.0)
    bias = load_factor(shift, plane // channels, plane % channels, shift_row, True, 0.0)
    _write_gradient(grad, x, y, dx, dresidual, plane.to(tl.int64) * pixels, block * BLOCK, pixels, average, inverse, gain, bias,
                    total, product, ACTIVATION, BLOCK)  # fmt: skip
