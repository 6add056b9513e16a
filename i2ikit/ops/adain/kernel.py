"""adain on a GPU: which kernels run for which maps, and their launch. A plane is one channel of one image.

- Small planes fit into registers, and very small ones share a program: one launch, every pixel is read once.
- Larger planes in NCHW, if there are enough to fill the GPU: one program for each plane, which reads it twice.
- Fewer planes, planes larger than the cache, and larger maps in channels_last: two launches, of which the first one computes statistics of
  parts of the maps, and the second one combines and applies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
import triton
from torch import Tensor

from i2ikit.ops.adain import kernel_planes, kernel_rows, kernel_whole
from i2ikit.ops.memory_format import get_memory_format
from i2ikit.ops.tuning import choose_block

# How many values of x and of the gradient one program can hold at once without spilling: in NCHW, and in channels_last, where addresses
# need more registers.
MAX_VALUES = 16384
MAX_VALUES_CHANNELS_LAST = 8192
# In channels_last a program must read several channels of each pixel, which limits the number of pixels that it can hold.
MAX_PIXELS_CHANNELS_LAST = 1024
# How many values one program processes at a time, if planes are smaller than that or do not fit into its registers.
TILE = 2048
# From this size on, the planes that are processed at the same time do not stay in the cache between two reads.
MIN_PIXELS_BEYOND_CACHE = 512 * 512
BLOCK = 4096
# Largest number of parts of one map. In the second launch every program reads the statistics of all of them.
MAX_PARTS = 32


class LaunchPlan(NamedTuple):
    """How maps are divided among programs.

    Attributes:
        strategy: ``whole`` (planes in registers), ``sweep`` (one plane a program), or ``parts`` and ``rows`` (two launches, in NCHW and in
            channels_last).
        tile: Constants of the kernels: sizes of the block that a program processes at a time.
        warps: Warps of one program.
        programs: Programs of the first launch.
        parts: Parts of one plane or image.
        length: Pixels of one part.
    """

    strategy: Literal["whole", "sweep", "parts", "rows"]
    tile: dict[str, Any]
    warps: int
    programs: int
    parts: int = 1
    length: int = 0


def make_plan(shape: tuple[int, ...], channels_last: bool, processors: int) -> LaunchPlan:
    """Divide maps [B, C, H, W] among the programs of a GPU with a number of multiprocessors."""
    batch, channels, pixels = shape[0], shape[1], shape[2] * shape[3]
    planes = batch * channels
    if channels_last:
        return _plan_channels_last(batch, channels, pixels, processors)
    if pixels <= MAX_VALUES:
        width = max(16, triton.next_power_of_2(pixels))
        rows = min(max(1, TILE // width), triton.next_power_of_2(planes))
        tile = {"CHANNELS_LAST": False, "R": rows, "N": width}
        return LaunchPlan("whole", tile, _count_warps(rows * width), triton.cdiv(planes, rows))
    if planes >= 2 * processors and pixels < MIN_PIXELS_BEYOND_CACHE:
        return LaunchPlan("sweep", {"BLOCK": BLOCK}, 8, planes)
    parts = min(MAX_PARTS, max(triton.cdiv(4 * processors, planes), triton.cdiv(pixels, 16 * BLOCK)))
    length = triton.cdiv(triton.cdiv(pixels, parts), BLOCK) * BLOCK
    parts = triton.cdiv(pixels, length)
    return LaunchPlan("parts", {"BLOCK": BLOCK}, 8, planes * parts, parts, length)


def _plan_channels_last(batch: int, channels: int, pixels: int, processors: int) -> LaunchPlan:
    across = min(64, triton.next_power_of_2(channels))
    if pixels <= MAX_PIXELS_CHANNELS_LAST:
        width = max(16, triton.next_power_of_2(pixels))
        across = min(across, MAX_VALUES_CHANNELS_LAST // width)
        tile = {"CHANNELS_LAST": True, "R": across, "N": width}
        return LaunchPlan("whole", tile, _count_warps(across * width), batch * triton.cdiv(channels, across))
    rows, groups = TILE // across, triton.cdiv(channels, across)
    parts = min(MAX_PARTS, triton.cdiv(8 * processors, batch * groups))
    length = max(2, triton.cdiv(triton.cdiv(pixels, parts), rows)) * rows
    parts = triton.cdiv(pixels, length)
    return LaunchPlan("rows", {"ROWS": rows, "TC": across}, 4, batch * groups * parts, parts, length)


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
    """Normalise maps [B, C, H, W] that are contiguous in one of the two memory formats; see the reference."""
    memory_format = get_memory_format(x)
    plan = make_plan(tuple(x.shape), memory_format is torch.channels_last, processors or _count_processors(x.device))
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=memory_format)
    mean, rstd = (torch.empty(x.shape[:2], dtype=torch.float32, device=x.device) for _ in range(2))
    values = _get_shared_arguments(x, scale, shift, activation, plan)
    values |= {"residual": residual, "y": y, "mean": mean, "rstd": rstd, "eps": eps}
    if plan.strategy in {"parts", "rows"}:
        values["part_mean"], values["part_squares"] = _allocate_partials(x, plan)
    _launch_all(FORWARD[plan.strategy], x, plan, values)
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
    needs_dx: bool = True,
    needs_dresidual: bool = False,
    processors: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, scale, shift and residual; those of x and residual are empty if they are not needed.

    All maps are in the memory format of x.
    """
    memory_format = get_memory_format(x)
    plan = make_plan(tuple(x.shape), memory_format is torch.channels_last, processors or _count_processors(x.device))
    dx, dresidual = (
        torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=memory_format) if is_needed else None
        for is_needed in (needs_dx, needs_dresidual)
    )
    dscale, dshift = (
        torch.empty(x.shape[:2], dtype=torch.float32 if factor is None else factor.dtype, device=x.device) for factor in (scale, shift)
    )
    values = _get_shared_arguments(x, scale, shift, activation, plan) | {"grad": grad, "mean": mean, "rstd": rstd, "y": y}
    values |= {"dx": dx, "dscale": dscale, "dshift": dshift, "dresidual": dresidual}
    if plan.strategy in {"parts", "rows"}:
        values["part_total"], values["part_product"] = _allocate_partials(x, plan)
    _launch_all(BACKWARD[plan.strategy], x, plan, values)
    return x.new_empty(0) if dx is None else dx, dscale, dshift, x.new_empty(0) if dresidual is None else dresidual


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


def _get_shared_arguments(
    x: Tensor, scale: Tensor | None, shift: Tensor | None, activation: str | None, plan: LaunchPlan
) -> dict[str, Any]:
    (scale, scale_row), (shift, shift_row) = _make_contiguous_rows(scale), _make_contiguous_rows(shift)
    return {
        "x": x, "scale": scale, "scale_row": scale_row, "shift": shift, "shift_row": shift_row, "ACTIVATION": activation or "none",
        "planes": x.shape[0] * x.shape[1], "channels": x.shape[1], "pixels": x.shape[2] * x.shape[3],
        "parts": plan.parts, "length": plan.length, "PARTS": MAX_PARTS, **plan.tile,
    }  # fmt: skip


def _make_contiguous_rows(factor: Tensor | None) -> tuple[Tensor | None, int]:
    """Return a factor [B, C] whose channels are contiguous, and the stride from one image to the next."""
    if factor is None:
        return None, 0
    if factor.stride(1) != 1:
        factor = factor.contiguous()
    return factor, factor.stride(0)


def _allocate_partials(x: Tensor, plan: LaunchPlan) -> Tensor:
    return torch.empty((2, x.shape[0] * x.shape[1] * plan.parts), dtype=torch.float32, device=x.device)


def _count_final_programs(x: Tensor, plan: LaunchPlan) -> int:
    """Return the number of programs of the final launch."""
    if plan.strategy != "parts":
        return plan.programs
    return x.shape[0] * x.shape[1] * int(triton.cdiv(x.shape[2] * x.shape[3], BLOCK))


def _launch_all(kernels: tuple[Any, ...], x: Tensor, plan: LaunchPlan, values: dict[str, Any]) -> None:
    def launch(warps: int) -> None:
        for kernel, programs in zip(kernels, (plan.programs, _count_final_programs(x, plan))[-len(kernels) :], strict=True):
            # Fused multiply-add is requested explicitly, because the default differs between versions of Triton.
            kernel[(programs,)](**{name: values[name] for name in kernel.arg_names}, num_warps=warps, enable_fp_fusion=True)

    absent = tuple(sorted(name for name, value in values.items() if value is None))
    key = ("adain", x.device, x.dtype, kernels[0].__name__, plan.strategy, tuple(plan.tile.items()), values["ACTIVATION"], absent,
           plan.programs.bit_length(), values["pixels"].bit_length())  # fmt: skip
    warps = list(dict.fromkeys((plan.warps, min(32, plan.warps * 2), max(1, plan.warps // 2))))
    launch(choose_block(key, x.device, warps, launch))


def _count_warps(values: int) -> int:
    return max(1, min(16, values // 512))


@cache
def _count_processors(device: torch.device) -> int:
    # The interpreter runs without a GPU: the number of an H100 is assumed.
    return 132 if device.type == "cpu" else int(torch.get_device_module(device).get_device_properties(device).multi_processor_count)


def list_configurations() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int]]:
    """Yield the arguments that compile each kernel at its default settings: name, kernel, signature, constants, warps."""
    shapes: dict[str, tuple[tuple[int, ...], bool]] = {
        "16": ((8, 256, 4, 4), False),
        "4096": ((8, 256, 64, 64), False),
        "16384": ((8, 256, 128, 128), False),
        "sweep": ((8, 64, 256, 256), False),
        "parts": ((1, 64, 256, 256), False),
        "1024 last": ((8, 256, 32, 32), True),
        "rows": ((8, 256, 64, 64), True),
    }
    # lrelu: with every optional argument. relu: without them, so that the activation's derivative is computed from x.
    for dtype, activation in (("fp32", "lrelu"), ("bf16", "lrelu"), ("fp16", "lrelu"), ("bf16", "relu")):
        types = dict.fromkeys(("x", "grad", "y", "residual", "dx", "dresidual"), f"*{dtype}")
        types |= dict.fromkeys(("scale", "shift", "dscale", "dshift", "mean", "rstd"), "*fp32") | {"eps": "fp32"}
        types |= dict.fromkeys(("part_mean", "part_squares", "part_total", "part_product"), "*fp32")
        types |= dict.fromkeys(("planes", "channels", "pixels", "parts", "length", "scale_row", "shift_row"), "i32")
        for name, (shape, channels_last) in shapes.items():
            plan = make_plan(shape, channels_last, 132)
            for direction, kernels in (("forward", FORWARD), ("backward", BACKWARD)):
                absent = () if activation == "lrelu" else ("residual", "dresidual") + (("y",) if direction == "backward" else ())
                fixed = {**plan.tile, "PARTS": MAX_PARTS, "ACTIVATION": activation, **dict.fromkeys(absent)}
                for kernel in kernels[plan.strategy]:
                    constants = {key: value for key, value in fixed.items() if key in kernel.arg_names}
                    signature = {key: types[key] for key in kernel.arg_names if key not in constants}
                    yield f"{direction}/{name}/{kernel.__name__}/{dtype}/{activation}", kernel, signature, constants, plan.warps
