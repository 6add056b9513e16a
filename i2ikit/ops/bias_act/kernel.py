"""bias_act as Triton kernels.

Memory is treated as [outer, C, inner], with the axis of the bias in the middle. ``planes`` processes blocks of the inner axis, such as the
pixels of one channel. ``rows`` is for an inner axis of length 1, as in channels_last, where the channels of a pixel are adjacent. With a
gradient as input, both compute the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from i2ikit.ops.bias_act.kernel_activation import finish, finish_slope
from i2ikit.ops.memory_format import get_memory_format, make_contiguous, match_memory_format
from i2ikit.ops.tuning import choose_block, list_candidates

# With fewer programs, parts of a large GPU are idle, and smaller blocks are faster.
MIN_PROGRAMS = 512
# Number of blocks of rows that one program sums before it writes a partial sum for the bias: fewer partial sums are read again.
SUMMED_BLOCKS = 8
# Set explicitly, because the default differs between versions of Triton, and some of them warn without it.
OPTIONS = {"enable_fp_fusion": True}


@triton.jit
def planes(
    grad, source, bias, noise, target, sums, outer, channels, inner, noise_step, alpha, gain, clamp,
    ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Process one block of ROWS planes; a plane is one outer index and one channel."""
    blocks = tl.cdiv(inner, BLOCK)
    block = tl.program_id(0) % blocks
    plane = tl.program_id(0) // blocks * ROWS + tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
    count = outer * channels
    # The offset of the block has 64 bits, offsets within it have 32.
    first = block.to(tl.int64) * BLOCK
    base = (tl.program_id(0) // blocks * ROWS).to(tl.int64) * inner + first
    column = tl.arange(0, BLOCK)[None, :]  # [1, BLOCK]
    inside = (plane < count) & (column < inner - first)
    offset = tl.arange(0, ROWS)[:, None] * inner + column  # [ROWS, BLOCK]
    z = tl.load(source + base + offset, mask=inside, other=0.0).to(tl.float32)
    if bias is not None:
        z += tl.load(bias + plane % channels, mask=plane < count, other=0.0).to(tl.float32)
    if noise is not None:
        z += tl.load(noise + first + (plane // channels).to(tl.int64) * noise_step + column, mask=inside, other=0.0).to(tl.float32)
    if grad is None:
        y = finish(z, alpha, gain, clamp, ACTIVATION, CLAMPED)
    else:
        y = tl.load(grad + base + offset, mask=inside, other=0.0).to(tl.float32)
        y *= finish_slope(z, alpha, gain, clamp, ACTIVATION, CLAMPED, FROM_RESULT)
    tl.store(target + base + offset, y.to(target.dtype.element_ty), mask=inside)
    if sums is not None:
        tl.store(sums + first // BLOCK * count + plane, tl.sum(y, axis=1, keep_dims=True), mask=plane < count)


@triton.jit
def rows(
    grad, source, bias, noise, target, sums, outer, channels, noise_rows, alpha, gain, clamp,
    ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr, FROM_RESULT: tl.constexpr,
    STEPS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Process STEPS consecutive blocks of ROWS rows and CHANNELS channels; a row is one pixel."""
    groups = tl.cdiv(channels, CHANNELS)
    # Groups of channels vary fastest, so that programs that run at the same time read neighbouring memory.
    c = tl.program_id(0) % groups * CHANNELS + tl.arange(0, CHANNELS)[None, :]  # [1, CHANNELS]
    valid = c < channels
    first = (tl.program_id(0) // groups).to(tl.int64) * (STEPS * ROWS)
    total = tl.zeros([ROWS, CHANNELS], tl.float32)
    if bias is not None:
        shift = tl.load(bias + c, mask=valid, other=0.0).to(tl.float32)
    for step in range(STEPS):
        row = first + step * ROWS
        local = tl.arange(0, ROWS)[:, None]  # [ROWS, 1]
        below = local < outer - row
        inside = below & valid
        offset = local * channels + c  # [ROWS, CHANNELS]
        z = tl.load(source + row * channels + offset, mask=inside, other=0.0).to(tl.float32)
        if bias is not None:
            z += shift
        if noise is not None:
            # One 64-bit division for the block; its rows need only 32-bit divisions.
            pixel = ((row % noise_rows).to(tl.int32) + local) % noise_rows
            z += tl.load(noise + pixel, mask=below, other=0.0).to(tl.float32)
        if grad is None:
            y = finish(z, alpha, gain, clamp, ACTIVATION, CLAMPED)
        else:
            y = tl.load(grad + row * channels + offset, mask=inside, other=0.0).to(tl.float32)
            y *= finish_slope(z, alpha, gain, clamp, ACTIVATION, CLAMPED, FROM_RESULT)
        tl.store(target + row * channels + offset, y.to(target.dtype.element_ty), mask=inside)
        if sums is not None:
            total += y
    if sums is not None:
        tl.store(sums + first // (STEPS * ROWS) * channels + c, tl.sum(total, axis=0, keep_dims=True), mask=valid)


def bias_act(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, alpha: float, gain: float, clamp: float | None, dim: int
) -> Tensor:
    """Return clamp(gain * act(x + noise + bias))."""
    return _launch(None, make_contiguous(x), bias, noise, activation, alpha, gain, clamp, dim, False, False)[0]


def bias_act_backward(
    grad: Tensor, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the gradients of x and of the bias; ``saved`` is x, or with ``from_result`` the result."""
    saved = make_contiguous(saved)
    return _launch(match_memory_format(grad, saved), saved, bias, noise, activation, alpha, gain, clamp, dim, from_result, sums)


def _launch(
    grad: Tensor | None, saved: Tensor, bias: Tensor | None, noise: Tensor | None,
    activation: str, alpha: float, gain: float, clamp: float | None, dim: int, from_result: bool, sums: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    target = torch.empty_like(saved, memory_format=get_memory_format(saved))
    outer, channels, inner = _split_lengths(saved, dim) if sums or bias is not None or noise is not None else (1, 1, saved.numel())
    tensors = (grad, saved, None if bias is None else bias.contiguous(), None if noise is None else noise.contiguous(), target)
    settings = (alpha, gain, clamp or 0.0, activation, clamp is not None, from_result)
    key = ("bias_act", saved.device, saved.dtype, inner > 1, activation, clamp is not None, from_result,
           tuple(each is None for each in tensors), sums, saved.numel().bit_length(), max(inner, channels).bit_length())  # fmt: skip

    def launch_planes(block: tuple[dict[str, int], int]) -> Tensor | None:
        tile, warps = block
        blocks, groups = triton.cdiv(inner, tile["BLOCK"]), triton.cdiv(outer * channels, tile["ROWS"])
        parts = saved.new_empty(blocks, outer, channels, dtype=torch.float32) if sums else None
        noise_step = inner if noise is not None and noise.shape[0] == outer else 0
        planes[(blocks * groups,)](*tensors, parts, outer, channels, inner, noise_step, *settings, **tile, num_warps=warps, **OPTIONS)
        return parts

    def launch_rows(block: tuple[dict[str, int], int]) -> Tensor | None:
        tile, warps = block
        blocks, groups = triton.cdiv(outer, tile["STEPS"] * tile["ROWS"]), triton.cdiv(channels, tile["CHANNELS"])
        parts = saved.new_empty(blocks, channels, dtype=torch.float32) if sums else None
        noise_rows = noise.numel() if noise is not None else 1
        rows[(blocks * groups,)](*tensors, parts, outer, channels, noise_rows, *settings, **tile, num_warps=warps, **OPTIONS)
        return parts

    if inner > 1:
        default, launch = _choose_plane_tile(outer * channels, inner, saved.element_size()), launch_planes
    else:
        default, launch = _choose_row_tile(outer, channels, saved.element_size(), sums), launch_rows
    parts = launch(choose_block(key, saved.device, list_candidates(default, "ROWS"), launch))
    return target, saved.new_empty(0, dtype=torch.float32) if parts is None else parts.sum(tuple(range(parts.ndim - 1)))


def _split_lengths(x: Tensor, dim: int) -> tuple[int, int, int]:
    """Return the number of values before, along and after an axis, in the order of memory."""
    sizes, axis = list(x.shape), dim
    if get_memory_format(x) is torch.channels_last:
        sizes, axis = [sizes[0], sizes[2], sizes[3], sizes[1]], (0, 3, 1, 2)[dim]
    return prod(sizes[:axis]), sizes[axis], prod(sizes[axis + 1 :])


def _choose_plane_tile(count: int, inner: int, size: int) -> tuple[dict[str, int], int]:
    """Return the block size for a number of planes, and the number of warps."""
    values = _count_values(count * inner, size)
    block = _choose_block_length(inner, values, 1024)
    lines = min(values // block, triton.next_power_of_2(count))
    return {"ROWS": lines, "BLOCK": block}, _count_warps(lines * block)


def _choose_row_tile(outer: int, channels: int, size: int, sums: bool) -> tuple[dict[str, int], int]:
    """Return the block size for a number of rows, and the number of warps."""
    # With sums, each value of the block also needs a float32 accumulator: the block is half as large, or registers would spill.
    values = _count_values(outer * channels, size) // (2 if sums else 1)
    across = _choose_block_length(channels, 128, 32)
    lines = min(values // across, triton.next_power_of_2(outer))
    return {"STEPS": SUMMED_BLOCKS if sums else 1, "ROWS": lines, "CHANNELS": across}, _count_warps(lines * across)


def _count_values(count: int, size: int) -> int:
    """Return how many values one program processes: four vectors of 16 bytes for each of 128 threads, fewer for small tensors."""
    largest = 128 * 4 * 16 // size
    return max(512, min(largest, int(triton.next_power_of_2(triton.cdiv(count, MIN_PROGRAMS)))))


def _choose_block_length(length: int, largest: int, smallest: int) -> int:
    """Return the largest block that covers a length and wastes at most an eighth of it, or the smallest block."""
    block = min(largest, int(triton.next_power_of_2(length)))
    while block > smallest and triton.cdiv(length, block) * block * 8 > length * 9:
        block //= 2
    return block


def _count_warps(values: int) -> int:
    return max(1, min(4, values // 256))


def list_configurations() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    """Yield the arguments that compile each kernel at its default settings: name, kernel, signature, constants, warps."""
    cases = [("lrelu", "fp32"), ("lrelu", "fp16"), *((name, "bf16") for name in ("lrelu", "tanh", "selu", "softplus", "swish"))]
    for activation, dtype in cases:
        size = 4 if dtype == "fp32" else 2
        for direction in ("forward", "backward"):
            from_result = activation == "lrelu" and direction == "backward"
            absent = {"grad": None, "sums": None} if direction == "forward" else {"bias": None, "noise": None} if from_result else {}
            common = dict.fromkeys(("grad", "source", "bias", "noise", "target"), f"*{dtype}") | {"sums": "*fp32"}
            pointers = {name: each for name, each in common.items() if name not in absent}
            numbers = dict.fromkeys(("alpha", "gain", "clamp"), "fp32")
            options = {"ACTIVATION": activation, "CLAMPED": True, "FROM_RESULT": from_result, **absent}
            lengths = dict.fromkeys(("outer", "channels", "inner", "noise_step"), "i32")
            tile, warps = _choose_plane_tile(2048, 128 * 128, size)
            yield f"planes/{activation}/{direction}/{dtype}", planes, {**pointers, **lengths, **numbers}, {**options, **tile}, warps
            lengths = dict.fromkeys(("outer", "channels", "noise_rows"), "i32")
            tile, warps = _choose_row_tile(16 * 128 * 128, 128, size, direction == "backward")
            yield f"rows/{activation}/{direction}/{dtype}", rows, {**pointers, **lengths, **numbers}, {**options, **tile}, warps
