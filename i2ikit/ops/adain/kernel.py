"""adain on a GPU: which kernels run for which maps, and their launch.

- Maps of few pixels are held in registers, several of them in one program where they are small: one launch, every pixel read once.
- Larger maps in planes (NCHW), if there are enough of them to fill the machine: one program a plane, which sweeps over it twice.
- Fewer planes, planes beyond the cache, and larger maps in channels_last: parts of them in one launch, the whole in a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
import triton
from torch import Tensor

from i2ikit.ops.adain import kernel_planes, kernel_rows, kernel_whole
from i2ikit.ops.memory_format import memory_format
from i2ikit.ops.tuning import fastest

# What one program can hold of x and of the gradient at once without spilling: in planes, and in channels_last, where addresses take more.
HELD = 16384
HELD_LAST = 8192
# In channels_last a program has to read some channels of each pixel, which leaves this many pixels.
HELD_PIXELS = 1024
# What one program works on at a time where it holds little.
TILE = 2048
# From here on the planes that are worked on at one time no longer fit into the cache between two sweeps.
BEYOND_CACHE = 512 * 512
BLOCK = 4096
# The largest number of parts of one map. The second launch reads all of them in every program.
PARTS = 32


class Plan(NamedTuple):
    """How maps are divided among programs."""

    kind: Literal["whole", "sweep", "parts", "rows"]
    tile: dict[str, Any]
    warps: int
    programs: int
    parts: int = 1
    length: int = 0


def plan(shape: tuple[int, ...], channels_last: bool, processors: int) -> Plan:
    """Divide maps [B, C, H, W] among the programs of a machine with so many multiprocessors."""
    batch, channels, pixels = shape[0], shape[1], shape[2] * shape[3]
    planes = batch * channels
    if channels_last:
        return _plan_pixels(batch, channels, pixels, processors)
    if pixels <= HELD:
        width = max(16, triton.next_power_of_2(pixels))
        rows = min(max(1, TILE // width), triton.next_power_of_2(planes))
        tile = {"CHANNELS_LAST": False, "R": rows, "N": width}
        return Plan("whole", tile, _warps(rows * width), triton.cdiv(planes, rows))
    if planes >= 2 * processors and pixels < BEYOND_CACHE:
        return Plan("sweep", {"BLOCK": BLOCK}, 8, planes)
    parts = min(PARTS, max(triton.cdiv(4 * processors, planes), triton.cdiv(pixels, 16 * BLOCK)))
    length = triton.cdiv(triton.cdiv(pixels, parts), BLOCK) * BLOCK
    parts = triton.cdiv(pixels, length)
    return Plan("parts", {"BLOCK": BLOCK}, 8, planes * parts, parts, length)


def _plan_pixels(batch: int, channels: int, pixels: int, processors: int) -> Plan:
    wide = min(64, triton.next_power_of_2(channels))
    if pixels <= HELD_PIXELS:
        width = max(16, triton.next_power_of_2(pixels))
        across = min(wide, HELD_LAST // width)
        tile = {"CHANNELS_LAST": True, "R": across, "N": width}
        return Plan("whole", tile, _warps(across * width), batch * triton.cdiv(channels, across))
    rows, groups = TILE // wide, triton.cdiv(channels, wide)
    parts = min(PARTS, triton.cdiv(8 * processors, batch * groups))
    length = max(2, triton.cdiv(triton.cdiv(pixels, parts), rows)) * rows
    parts = triton.cdiv(pixels, length)
    return Plan("rows", {"ROWS": rows, "TC": wide}, 4, batch * groups * parts, parts, length)


def adain(
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    residual: Tensor | None,
    eps: float,
    activation: str | None,
    *,
    processors: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise maps [B, C, H, W], in order in one of the two memory formats; see the reference."""
    layout = memory_format(x)
    work = plan(tuple(x.shape), layout is torch.channels_last, processors or _processors(x.device))
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=layout)
    mean, rstd = (torch.empty(x.shape[:2], dtype=torch.float32, device=x.device) for _ in range(2))
    values = _shared(x, scale, shift, activation, work) | {"residual": residual, "y": y, "mean": mean, "rstd": rstd, "eps": eps}
    if work.kind in {"parts", "rows"}:
        values["part_mean"], values["part_squares"] = _room(x, work)
    _run_all(FORWARD[work.kind], x, work, values)
    return y, mean, rstd


def adain_backward(
    grad: Tensor,
    x: Tensor,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    y: Tensor | None,
    activation: str | None,
    *,
    dx: bool = True,
    dresidual: bool = False,
    processors: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual, the first and last empty where not wanted; all maps in the order of x."""
    layout = memory_format(x)
    work = plan(tuple(x.shape), layout is torch.channels_last, processors or _processors(x.device))
    maps = [torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=layout) if made else None for made in (dx, dresidual)]
    dscale, dshift = (
        torch.empty(x.shape[:2], dtype=torch.float32 if factor is None else factor.dtype, device=x.device) for factor in (scale, shift)
    )
    values = _shared(x, scale, shift, activation, work) | {"grad": grad, "mean": mean, "rstd": rstd, "y": y}
    values |= {"dx": maps[0], "dscale": dscale, "dshift": dshift, "dresidual": maps[1]}
    if work.kind in {"parts", "rows"}:
        values["part_total"], values["part_product"] = _room(x, work)
    _run_all(BACKWARD[work.kind], x, work, values)
    first, last = (x.new_empty(0) if made is None else made for made in maps)
    return first, dscale, dshift, last


FORWARD = {
    "whole": (kernel_whole.forward,),
    "sweep": (kernel_planes.forward_sweep,),
    "parts": (kernel_planes.forward_parts, kernel_planes.forward_blocks),
    "rows": (kernel_rows.forward_parts, kernel_rows.forward_rows),
}
BACKWARD = {
    "whole": (kernel_whole.backward,),
    "sweep": (kernel_planes.backward_sweep,),
    "parts": (kernel_planes.backward_parts, kernel_planes.backward_blocks),
    "rows": (kernel_rows.backward_parts, kernel_rows.backward_rows),
}


def _shared(x: Tensor, scale: Tensor | None, shift: Tensor | None, activation: str | None, work: Plan) -> dict[str, Any]:
    (scale, scale_row), (shift, shift_row) = _in_rows(scale), _in_rows(shift)
    return {
        "x": x, "scale": scale, "scale_row": scale_row, "shift": shift, "shift_row": shift_row, "ACTIVATION": activation or "none",
        "planes": x.shape[0] * x.shape[1], "channels": x.shape[1], "pixels": x.shape[2] * x.shape[3],
        "parts": work.parts, "length": work.length, "PARTS": PARTS, **work.tile,
    }  # fmt: skip


def _in_rows(factor: Tensor | None) -> tuple[Tensor | None, int]:
    """Return what belongs to the channels of images with the channels side by side, and the step from one image to the next."""
    if factor is None:
        return None, 0
    if factor.stride(1) != 1:
        factor = factor.contiguous()
    return factor, factor.stride(0)


def _room(x: Tensor, work: Plan) -> Tensor:
    return torch.empty((2, x.shape[0] * x.shape[1] * work.parts), dtype=torch.float32, device=x.device)


def _last(x: Tensor, work: Plan) -> int:
    """Return the number of programs of the last launch."""
    if work.kind != "parts":
        return work.programs
    return x.shape[0] * x.shape[1] * int(triton.cdiv(x.shape[2] * x.shape[3], BLOCK))


def _run_all(kernels: tuple[Any, ...], x: Tensor, work: Plan, values: dict[str, Any]) -> None:
    def launch(warps: int) -> None:
        for kernel, programs in zip(kernels, (work.programs, _last(x, work))[-len(kernels) :], strict=True):
            # Products and sums in one: stated, because the default differs between versions of Triton.
            kernel[(programs,)](**{name: values[name] for name in kernel.arg_names}, num_warps=warps, enable_fp_fusion=True)

    given = tuple(sorted(name for name, value in values.items() if value is None))
    key = ("adain", x.device, x.dtype, kernels[0].__name__, work.kind, tuple(work.tile.items()), values["ACTIVATION"], given,
           work.programs.bit_length(), values["pixels"].bit_length())  # fmt: skip
    warps = list(dict.fromkeys((work.warps, min(32, work.warps * 2), max(1, work.warps // 2))))
    launch(fastest(key, x.device, warps, launch))


def _warps(values: int) -> int:
    return max(1, min(16, values // 512))


@cache
def _processors(device: torch.device) -> int:
    # Under the interpreter there is no machine: one of a usual size is assumed.
    return 132 if device.type == "cpu" else int(torch.get_device_module(device).get_device_properties(device).multi_processor_count)


def configurations() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    """Give what it takes to compile every kernel at its usual settings: name, kernel, signature, constants, warps."""
    shapes: dict[str, tuple[tuple[int, ...], bool]] = {
        "16": ((8, 256, 4, 4), False),
        "4096": ((8, 256, 64, 64), False),
        "16384": ((8, 256, 128, 128), False),
        "sweep": ((8, 64, 256, 256), False),
        "parts": ((1, 64, 256, 256), False),
        "1024 last": ((8, 256, 32, 32), True),
        "rows": ((8, 256, 64, 64), True),
    }
    # The most that a kernel can be asked for; and the activation's derivative made anew from x.
    for kind, activation in (("fp32", "lrelu"), ("bf16", "lrelu"), ("fp16", "lrelu"), ("bf16", "relu")):
        types = dict.fromkeys(("x", "grad", "y", "residual", "dx", "dresidual"), f"*{kind}")
        types |= dict.fromkeys(("scale", "shift", "dscale", "dshift", "mean", "rstd"), "*fp32") | {"eps": "fp32"}
        types |= dict.fromkeys(("part_mean", "part_squares", "part_total", "part_product"), "*fp32")
        types |= dict.fromkeys(("planes", "channels", "pixels", "parts", "length", "scale_row", "shift_row"), "i32")
        for name, (shape, channels_last) in shapes.items():
            work = plan(shape, channels_last, 132)
            for direction, kernels in (("forward", FORWARD), ("backward", BACKWARD)):
                absent = () if activation == "lrelu" else ("residual", "dresidual") + (("y",) if direction == "backward" else ())
                fixed = {**work.tile, "PARTS": PARTS, "ACTIVATION": activation, **dict.fromkeys(absent)}
                for kernel in kernels[work.kind]:
                    constants = {key: value for key, value in fixed.items() if key in kernel.arg_names}
                    signature = {key: types[key] for key in kernel.arg_names if key not in constants}
                    yield f"{direction}/{name}/{kernel.__name__}/{kind}/{activation}", kernel, signature, constants, work.warps
