"""upfirdn as Triton kernels: ``planes`` for NCHW, ``pixels`` for channels_last.

Along an axis, output o uses tap k with input i if i * up = o * down + k - before. Outputs are grouped by phase: o = t * P + a with
P = up / gcd(up, down). Within a phase, the first tap that meets a pixel and the step from t to t + 1 are constants. A program therefore
loads whole blocks of pixels and single taps, and never an inserted zero. The operations of ``upfirdn_act`` that follow the filter are
computed before the result is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from i2ikit.ops.bias_act.kernel_activation import finish
from i2ikit.ops.memory_format import get_memory_format
from i2ikit.ops.tuning import choose_block, list_candidates
from i2ikit.ops.upfirdn.geometry import result_size


@triton.jit
def _filter_phase(
    source, taps, ty, tx, inside, height, width, row, column,
    A: tl.constexpr, B: tl.constexpr, UPY: tl.constexpr, UPX: tl.constexpr, DOWNY: tl.constexpr, DOWNX: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, BEFOREY: tl.constexpr, BEFOREX: tl.constexpr, PY: tl.constexpr, PX: tl.constexpr,
    FLIP: tl.constexpr, SHAPE: tl.constexpr,
):  # fmt: skip
    """Return the filtered outputs (ty * PY + A, tx * PX + B) of phase (A, B); source, ty and tx broadcast to SHAPE."""
    total = tl.zeros(SHAPE, tl.float32)
    # The first tap of the phase that meets a pixel, and that pixel for t = 0. Python's % and // round down, for negative numbers too.
    ky0: tl.constexpr = (BEFOREY - A * DOWNY) % UPY
    kx0: tl.constexpr = (BEFOREX - B * DOWNX) % UPX
    iy0: tl.constexpr = (A * DOWNY + ky0 - BEFOREY) // UPY
    ix0: tl.constexpr = (B * DOWNX + kx0 - BEFOREX) // UPX
    for jy in tl.static_range((KH - ky0 + UPY - 1) // UPY):
        y = ty * (PY * DOWNY // UPY) + (iy0 + jy)
        for jx in tl.static_range((KW - kx0 + UPX - 1) // UPX):
            x = tx * (PX * DOWNX // UPX) + (ix0 + jx)
            if FLIP:
                tap = tl.load(taps + ((ky0 + jy * UPY) * KW + kx0 + jx * UPX))
            else:
                tap = tl.load(taps + ((KH - 1 - ky0 - jy * UPY) * KW + KW - 1 - kx0 - jx * UPX))
            valid = inside & (y >= 0) & (y < height) & (x >= 0) & (x < width)
            total += tap * tl.load(source + y * row + x * column, mask=valid, other=0.0).to(tl.float32)
    return total


@triton.jit
def _end_layer(
    z, scale, bias, noise, style, skip, channel, vector, pixel, offset, inside, gain, alpha, act_gain, clamp,
    ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr,
):  # fmt: skip
    """Return clamp(act_gain * act(gain * z * scale + noise + bias)) * style + skip; an argument that is None is skipped."""
    z *= gain
    if scale is not None:
        z *= tl.load(scale + vector, mask=channel, other=0.0).to(tl.float32)
    if noise is not None:
        z += tl.load(noise + pixel, mask=inside, other=0.0).to(tl.float32)
    if bias is not None:
        z += tl.load(bias, mask=channel, other=0.0).to(tl.float32)
    z = finish(z, alpha, act_gain, clamp, ACTIVATION, CLAMPED)
    if style is not None:
        z *= tl.load(style + vector, mask=channel, other=0.0).to(tl.float32)
    if skip is not None:
        z += tl.load(skip + offset, mask=inside, other=0.0).to(tl.float32)
    return z


@triton.jit
def planes(
    source, taps, target, scale, bias, noise, style, skip, channels, noise_step, height, width, out_height, out_width,
    gain, alpha, act_gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr,
    UPY: tl.constexpr, UPX: tl.constexpr, DOWNY: tl.constexpr, DOWNX: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr,
    BEFOREY: tl.constexpr, BEFOREX: tl.constexpr, PY: tl.constexpr, PX: tl.constexpr, FLIP: tl.constexpr,
    TY: tl.constexpr, TX: tl.constexpr,
):  # fmt: skip
    """Compute one block of TY * PY by TX * PX outputs of one plane."""
    columns, rows = tl.cdiv(tl.cdiv(out_width, PX), TX), tl.cdiv(tl.cdiv(out_height, PY), TY)
    block = tl.program_id(0) % (columns * rows)
    plane = (tl.program_id(0) // (columns * rows)).to(tl.int64)
    ty = (block // columns) * TY + tl.arange(0, TY)[:, None]  # [TY, 1]
    tx = (block % columns) * TX + tl.arange(0, TX)[None, :]  # [1, TX]
    source += plane * height * width
    target += plane * out_height * out_width
    if skip is not None:
        skip += plane * out_height * out_width
    if bias is not None:
        bias += plane % channels
    if noise is not None:
        noise += plane // channels * noise_step
    for a in tl.static_range(PY):
        y = ty * PY + a
        if PX == 2:
            # The two phases of a row alternate in memory: interleaved, they are stored as one vector.
            left = _filter_phase(source, taps, ty, tx, True, height, width, width, 1, a, 0, UPY, UPX, DOWNY, DOWNX, KH, KW,
                                 BEFOREY, BEFOREX, PY, PX, FLIP, [TY, TX])  # fmt: skip
            right = _filter_phase(source, taps, ty, tx, True, height, width, width, 1, a, 1, UPY, UPX, DOWNY, DOWNX, KH, KW,
                                  BEFOREY, BEFOREX, PY, PX, FLIP, [TY, TX])  # fmt: skip
            total = tl.interleave(left, right)  # [TY, 2 TX]
            x = (block % columns) * (2 * TX) + tl.arange(0, 2 * TX)[None, :]
            inside = (y < out_height) & (x < out_width)
            offset = y * out_width + x
            total = _end_layer(total, scale, bias, noise, style, skip, True, plane, offset, offset, inside, gain, alpha, act_gain, clamp,
                               ACTIVATION, CLAMPED)  # fmt: skip
            tl.store(target + offset, total.to(target.dtype.element_ty), mask=inside)
        else:
            for b in tl.static_range(PX):
                total = _filter_phase(source, taps, ty, tx, True, height, width, width, 1, a, b, UPY, UPX, DOWNY, DOWNX, KH, KW,
                                      BEFOREY, BEFOREX, PY, PX, FLIP, [TY, TX])  # fmt: skip
                x = tx * PX + b
                inside = (y < out_height) & (x < out_width)
                offset = y * out_width + x
                total = _end_layer(total, scale, bias, noise, style, skip, True, plane, offset, offset, inside, gain, alpha, act_gain,
                                   clamp, ACTIVATION, CLAMPED)  # fmt: skip
                tl.store(target + offset, total.to(target.dtype.element_ty), mask=inside)


@triton.jit
def pixels(
    source, taps, target, scale, bias, noise, style, skip, channels, noise_step, height, width, out_height, out_width,
    gain, alpha, act_gain, clamp, ACTIVATION: tl.constexpr, CLAMPED: tl.constexpr,
    UPY: tl.constexpr, UPX: tl.constexpr, DOWNY: tl.constexpr, DOWNX: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr,
    BEFOREY: tl.constexpr, BEFOREX: tl.constexpr, PY: tl.constexpr, PX: tl.constexpr, FLIP: tl.constexpr,
    TX: tl.constexpr, TC: tl.constexpr,
):  # fmt: skip
    """Compute PY rows of TX * PX outputs in TC channels of one image."""
    columns, rows = tl.cdiv(tl.cdiv(out_width, PX), TX), tl.cdiv(out_height, PY)
    groups = tl.cdiv(channels, TC)
    # Groups of channels vary fastest, so that programs that run at the same time read neighbouring memory.
    c = (tl.program_id(0) % groups) * TC + tl.arange(0, TC)[None, :]  # [1, TC]
    valid = c < channels
    block = tl.program_id(0) // groups
    tx = (block % columns) * TX + tl.arange(0, TX)[:, None]  # [TX, 1]
    ty = block // columns % rows + tl.zeros([1, 1], tl.int32)  # [1, 1]: a scalar mask cannot be combined with the mask of a block
    image = (block // (columns * rows)).to(tl.int64)
    source += image * height * width * channels
    target += image * out_height * out_width * channels
    if skip is not None:
        skip += image * out_height * out_width * channels
    if bias is not None:
        bias += c
    if noise is not None:
        noise += image * noise_step
    for a in tl.static_range(PY):
        y = ty * PY + a
        for b in tl.static_range(PX):
            total = _filter_phase(source + c, taps, ty, tx, valid, height, width, width * channels, channels, a, b, UPY, UPX,
                                  DOWNY, DOWNX, KH, KW, BEFOREY, BEFOREX, PY, PX, FLIP, [TX, TC])  # fmt: skip
            x = tx * PX + b
            inside = (y < out_height) & (x < out_width) & valid
            pixel = y * out_width + x  # [TX, 1]
            offset = pixel * channels + c  # [TX, TC]
            total = _end_layer(total, scale, bias, noise, style, skip, valid, image * channels + c, pixel, offset, inside, gain, alpha,
                               act_gain, clamp, ACTIVATION, CLAMPED)  # fmt: skip
            tl.store(target + offset, total.to(target.dtype.element_ty), mask=inside)


def upfirdn(x: Tensor, fir: Tensor, up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float) -> Tensor:
    """Resample maps [B, C, H, W] that are contiguous in one of the two memory formats, with a filter [kh, kw]; pairs are [x, y]."""
    return upfirdn_act(x, fir, None, None, None, None, None, up, down, padding, flip, gain, "linear", 0.0, 1.0, None)


def upfirdn_act(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Compute ``i2ikit.ops.upfirdn_act`` for contiguous maps. The skip is in the memory format of x."""
    batch, channels, height, width = x.shape
    size = result_size((height, width), fir.shape, up, down, padding)
    memory_format = get_memory_format(x)
    result = torch.empty((batch, channels, *size), dtype=x.dtype, device=x.device, memory_format=memory_format)
    constants = _make_constants(fir.shape, up, down, padding, flip)
    taps = fir.contiguous().to(torch.float32)
    vectors = [None if each is None else each.contiguous() for each in (scale, bias, noise, style)]
    noise_step = 0 if noise is None or noise.shape[0] == 1 else size[0] * size[1]
    ty, tx = -(-size[0] // constants["PY"]), -(-size[1] // constants["PX"])
    channels_last = memory_format is torch.channels_last

    def launch(block: tuple[dict[str, int], int]) -> None:
        tile, warps = block
        if channels_last:
            programs, kernel = triton.cdiv(tx, tile["TX"]) * ty * batch * triton.cdiv(channels, tile["TC"]), pixels
        else:
            programs, kernel = triton.cdiv(tx, tile["TX"]) * triton.cdiv(ty, tile["TY"]) * batch * channels, planes
        kernel[(programs,)](
            x, taps, result, *vectors, skip, channels, noise_step, height, width, *size, gain, alpha, act_gain, clamp or 0.0,
            ACTIVATION=activation, CLAMPED=clamp is not None, **constants, **tile, num_warps=warps, enable_fp_fusion=True,
        )  # fmt: skip

    default = _choose_pixel_tile(tx, channels) if channels_last else _choose_plane_tile(ty, tx)
    optional = tuple(each is not None for each in (scale, bias, noise, style, skip))
    key = ("upfirdn", x.device, x.dtype, channels_last, tuple(constants.items()), activation, optional, channels if channels_last else 0,
           (batch * channels * size[0] * size[1]).bit_length(), tx.bit_length())  # fmt: skip
    launch(choose_block(key, x.device, list_candidates(default, "TX" if channels_last else "TY"), launch))
    return result


def _make_constants(taps: Sequence[int], up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool) -> dict[str, Any]:
    return {
        "UPY": up[1], "UPX": up[0], "DOWNY": down[1], "DOWNX": down[0], "KH": taps[0], "KW": taps[1],
        "BEFOREY": padding[2], "BEFOREX": padding[0],
        "PY": up[1] // gcd(up[1], down[1]), "PX": up[0] // gcd(up[0], down[0]), "FLIP": flip,
    }  # fmt: skip


def _choose_plane_tile(height: int, width: int) -> tuple[dict[str, int], int]:
    """Return the block size for height x width values of t, and the number of warps. Long rows use whole memory sectors."""
    across = min(64, triton.next_power_of_2(width))
    down = min(8 if across == 64 else 512 // across, triton.next_power_of_2(height))
    return {"TY": down, "TX": across}, 4 if down * across >= 256 else 1


def _choose_pixel_tile(width: int, channels: int) -> tuple[dict[str, int], int]:
    """Return the block size for rows of width values of t, and the number of warps."""
    across = min(64, triton.next_power_of_2(channels))
    along = min(16 if across == 64 else 1024 // across, triton.next_power_of_2(width))
    return {"TX": along, "TC": across}, 4 if along * across >= 256 else 1


def list_configurations() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    """Yield the arguments that compile each kernel at its default settings: name, kernel, signature, constants, warps."""
    default = {
        "blur": ((4, 4), (1, 1), (1, 1), (2, 1, 2, 1)),
        "up": ((4, 4), (2, 2), (1, 1), (2, 1, 2, 1)),
        "down": ((4, 4), (1, 1), (2, 2), (1, 1, 1, 1)),
        "up12": ((1, 12), (2, 1), (1, 1), (6, 5, 0, 0)),
        "down12": ((12, 1), (1, 1), (1, 2), (0, 0, 5, 5)),
        "blur+end": ((4, 4), (1, 1), (1, 1), (1, 1, 1, 1)),
        "end": ((1, 1), (1, 1), (1, 1), (0, 0, 0, 0)),
    }
    extras = ("scale", "bias", "noise", "style", "skip")
    numbers = dict.fromkeys(("channels", "noise_step", "height", "width", "out_height", "out_width"), "i32")
    numbers |= dict.fromkeys(("gain", "alpha", "act_gain", "clamp"), "fp32")
    for dtype in ("fp32", "bf16", "fp16"):
        for name, (taps, up, down, padding) in default.items():
            has_end = name.endswith("end")
            pointers = {"source": f"*{dtype}", "taps": "*fp32", "target": f"*{dtype}"} | dict.fromkeys(
                extras if has_end else (), f"*{dtype}"
            )
            constants = _make_constants(taps, up, down, padding, False) | dict.fromkeys(() if has_end else extras, None)
            constants |= {"ACTIVATION": "lrelu" if has_end else "linear", "CLAMPED": has_end}
            for layout, kernel, (tile, warps) in (
                ("planes", planes, _choose_plane_tile(128, 128)),
                ("pixels", pixels, _choose_pixel_tile(128, 128)),
            ):
                yield f"{layout}/{name}/{dtype}", kernel, {**pointers, **numbers}, {**constants, **tile}, warps
