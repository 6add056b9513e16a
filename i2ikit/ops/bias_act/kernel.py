"""bias_act as Triton kernels.

Memory is seen as [outer, C, inner], with the axis of the bias in the middle. ``planes`` takes blocks of the inner axis, such as the pixels
of one channel; ``rows`` is for an inner axis of one, such as in channels_last, where the channels of a pixel lie side by side. Both go
forward, and back where there is a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from i2ikit.ops.bias_act.kernel_ends import finish, finish_slope
from i2ikit.ops.memory_format import in_order, in_order_of, memory_format
from i2ikit.ops.tuning import fastest, neighbours

# Fewer programs than this leave parts of a large GPU idle; smaller blocks then win.
FEW_PROGRAMS = 512
# Blocks of rows that one program adds up before it writes the sum for the bias: fewer, longer sums to be read again.
SUMMED_BLOCKS = 8
# Said outright, because versions of Triton differ in what they do, or warn, where nothing is said.
OPTIONS = {"enable_fp_fusion": True}


@triton.jit
def planes(
    grad, source, bias, noise, target, sums, outer, channels, inner, noise_step, alpha, gain, clamp,
    ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Work on one block of ROWS planes; a plane is one outer index and one channel."""
    blocks = tl.cdiv(inner, BLOCK)
    block = tl.program_id(0) % blocks
    plane = tl.program_id(0) // blocks * ROWS + tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    count = outer * channels
    # The base of the block is a 64-bit number, the offsets in it have 32.
    first = block.to(tl.int64) * BLOCK
    base = (tl.program_id(0) // blocks * ROWS).to(tl.int64) * inner + first
    column = tl.arange(0, BLOCK)[None, :]  # [1, BLOCK]
    inside = (plane < count) & (column < inner - first)
    place = tl.arange(0, ROWS)[:, None] * inner + column  # [ROWS, BLOCK]
    z = tl.load(source + base + place, mask=inside, other=0.0).to(tl.float32)
    if bias is not None:
        z += tl.load(bias + plane % channels, mask=plane < count, other=0.0).to(tl.float32)
    if noise is not None:
        z += tl.load(noise + first + (plane // channels).to(tl.int64) * noise_step + column, mask=inside, other=0.0).to(tl.float32)
    if grad is None:
        y = finish(z, alpha, gain, clamp, ACTIVATION, CLAMPED)
    else:
        y = tl.load(grad + base + place, mask=inside, other=0.0).to(tl.float32)
        y *= finish_slope(z, alpha, gain, clamp, ACTIVATION, CLAMPED, FROM_RESULT)
    tl.store(target + base + place, y.to(target.dtype.element_ty), mask=inside)
    if sums is not None:
        tl.store(sums + first // BLOCK * count + plane, tl.sum(y, axis=1, keep_dims=True), mask=plane < count)


@triton.jit
def rows(
    grad, source, bias, noise, target, sums, outer, channels, noise_rows, alpha, gain, clamp,
    ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr,
    STEPS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Work on STEPS blocks of ROWS rows, one below the other, and CHANNELS channels; a row is one pixel."""
    groups = tl.cdiv(channels, CHANNELS)
    # Groups of channels vary fastest, so that neighbours in time read neighbours in memory.
    c = tl.program_id(0) % groups * CHANNELS + tl.arange(0, CHANNELS)[None, :]  # [1, CHANNELS]
    known = c < channels
    first = (tl.program_id(0) // groups).to(tl.int64) * (STEPS * ROWS)
    total = tl.zeros([ROWS, CHANNELS], tl.float32)
    if bias is not None:
        shift = tl.load(bias + c, mask=known, other=0.0).to(tl.float32)
    for step in range(STEPS):
        row = first + step * ROWS
        local = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
        below = local < outer - row
        inside = below & known
        place = local * channels + c  # [ROWS, CHANNELS]
        z = tl.load(source + row * channels + place, mask=inside, other=0.0).to(tl.float32)
        if bias is not None:
            z += shift
        if noise is not None:
            # One division for the block in 64 bits; those for its rows need 32.
            pixel = ((row % noise_rows).to(tl.int32) + local) % noise_rows
            z += tl.load(noise + pixel, mask=below, other=0.0).to(tl.float32)
        if grad is None:
            y = finish(z, alpha, gain, clamp, ACTIVATION, CLAMPED)
        else:
            y = tl.load(grad + row * channels + place, mask=inside, other=0.0).to(tl.float32)
            y *= finish_slope(z, alpha, gain, clamp, ACTIVATION, CLAMPED, FROM_RESULT)
        tl.store(target + row * channels + place, y.to(target.dtype.element_ty), mask=inside)
        if sums is not None:
            total += y
    if sums is not None:
        tl.store(sums + first // (STEPS * ROWS) * channels + c, tl.sum(total, axis=0, keep_dims=True), mask=known)


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias))."""
    return _launch(None, in_order(x), bias, noise, activation, alpha, gain, clamp, dim, False, False)[0]


def bias_act_backward(
    grad: Tensor, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``known`` is x, or the result where ``from_result`` says so."""
    known = in_order(known)
    return _launch(in_order_of(grad, known), known, bias, noise, activation, alpha, gain, clamp, dim, from_result, sums)


def _launch(
    grad: Tensor | None, known: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    target = torch.empty_like(known, memory_format=memory_format(known))
    outer, channels, inner = _lengths(known, dim) if sums or bias is not None or noise is not None else (1, 1, known.numel())
    tensors = (grad, known, None if bias is None else bias.contiguous(), None if noise is None else noise.contiguous(), target)
    settings = (alpha, gain, clamp or 0.0, activation, clamp is not None, from_result)
    key = ("bias_act", known.device, known.dtype, inner > 1, activation, clamp is not None, from_result,
           tuple(each is None for each in tensors), sums, known.numel().bit_length(), max(inner, channels).bit_length())  # fmt: skip

    def in_planes(block: tuple[dict[str, int], int]) -> Tensor | None:
        tile, warps = block
        blocks, groups = triton.cdiv(inner, tile["BLOCK"]), triton.cdiv(outer * channels, tile["ROWS"])
        parts = known.new_empty(blocks, outer, channels, dtype=torch.float32) if sums else None
        noise_step = inner if noise is not None and noise.shape[0] == outer else 0
        planes[(blocks * groups,)](*tensors, parts, outer, channels, inner, noise_step, *settings, **tile, num_warps=warps, **OPTIONS)
        return parts

    def in_rows(block: tuple[dict[str, int], int]) -> Tensor | None:
        tile, warps = block
        blocks, groups = triton.cdiv(outer, tile["STEPS"] * tile["ROWS"]), triton.cdiv(channels, tile["CHANNELS"])
        parts = known.new_empty(blocks, channels, dtype=torch.float32) if sums else None
        noise_rows = noise.numel() if noise is not None else 1
        rows[(blocks * groups,)](*tensors, parts, outer, channels, noise_rows, *settings, **tile, num_warps=warps, **OPTIONS)
        return parts

    if inner > 1:
        usual, launch = _plane_tile(outer * channels, inner, known.element_size()), in_planes
    else:
        usual, launch = _row_tile(outer, channels, known.element_size(), sums), in_rows
    parts = launch(fastest(key, known.device, neighbours(usual, "ROWS"), launch))
    return target, known.new_empty(0, dtype=torch.float32) if parts is None else parts.sum(tuple(range(parts.ndim - 1)))


def _lengths(x: Tensor, dim: int) -> tuple[int, int, int]:
    """Return how many places lie before, along and behind an axis, in the order of memory."""
    sizes, axis = list(x.shape), dim
    if memory_format(x) is torch.channels_last:
        sizes, axis = [sizes[0], sizes[2], sizes[3], sizes[1]], (0, 3, 1, 2)[dim]
    return prod(sizes[:axis]), sizes[axis], prod(sizes[axis + 1 :])


def _plane_tile(count: int, inner: int, size: int) -> tuple[dict[str, int], int]:
    """Return the block of so many planes, and the warps that work on it."""
    places = _places(count * inner, size)
    block = _fitting(inner, places, 1024)
    lines = min(places // block, triton.next_power_of_2(count))
    return {"ROWS": lines, "BLOCK": block}, _warps(lines * block)


def _row_tile(outer: int, channels: int, size: int, sums: bool) -> tuple[dict[str, int], int]:
    """Return the block of so many rows, and the warps that work on it."""
    # Sums hold a number in float32 for each place of the block, next to what was read for it: half the places, or registers run out.
    places = _places(outer * channels, size) // (2 if sums else 1)
    across = _fitting(channels, 128, 32)
    lines = min(places // across, triton.next_power_of_2(outer))
    return {"STEPS": SUMMED_BLOCKS if sums else 1, "ROWS": lines, "CHANNELS": across}, _warps(lines * across)


def _places(count: int, size: int) -> int:
    """Return how many numbers one program takes: four vectors of 16 bytes for each of 128 threads, less of small tensors."""
    largest = 128 * 4 * 16 // size
    return max(512, min(largest, int(triton.next_power_of_2(triton.cdiv(count, FEW_PROGRAMS)))))


def _fitting(length: int, most: int, least: int) -> int:
    """Return the largest block that covers a length with at most an eighth of it wasted, or the least one."""
    block = min(most, int(triton.next_power_of_2(length)))
    while block > least and triton.cdiv(length, block) * block * 8 > length * 9:
        block //= 2
    return block


def _warps(places: int) -> int:
    return max(1, min(4, places // 256))


def configurations() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    """Give what it takes to compile every kernel at its usual settings: name, kernel, signature, constants, warps."""
    cases = [("lrelu", "fp32"), ("lrelu", "fp16"), *((name, "bf16") for name in ("lrelu", "tanh", "selu", "softplus", "swish"))]
    for activation, kind in cases:
        size = 4 if kind == "fp32" else 2
        for way in ("forward", "backward"):
            from_result = activation == "lrelu" and way == "backward"
            absent = {"grad": None, "sums": None} if way == "forward" else {"bias": None, "noise": None} if from_result else {}
            common = dict.fromkeys(("grad", "source", "bias", "noise", "target"), f"*{kind}") | {"sums": "*fp32"}
            pointers = {name: each for name, each in common.items() if name not in absent}
            numbers = dict.fromkeys(("alpha", "gain", "clamp"), "fp32")
            options = {"ACTIVATION": activation, "CLAMPED": True, "FROM_RESULT": from_result, **absent}
            lengths = dict.fromkeys(("outer", "channels", "inner", "noise_step"), "i32")
            tile, warps = _plane_tile(2048, 128 * 128, size)
            yield f"planes/{activation}/{way}/{kind}", planes, {**pointers, **lengths, **numbers}, {**options, **tile}, warps
            lengths = dict.fromkeys(("outer", "channels", "noise_rows"), "i32")
            tile, warps = _row_tile(16 * 128 * 128, 128, size, way == "backward")
            yield f"rows/{activation}/{way}/{kind}", rows, {**pointers, **lengths, **numbers}, {**options, **tile}, warps
