"""Choose the block size of a kernel by measuring, if the environment variable ``I2IKIT_AUTOTUNE=1`` is set; otherwise use a fixed one.

A block that fails to run is not chosen. If the default block fails to run, that is an error of the kernel and is raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar

import torch

from i2ikit.ops.timing import measure_medians

Block = TypeVar("Block")

VARIABLE = "I2IKIT_AUTOTUNE"

_fastest: dict[Hashable, int] = {}


def choose_block(key: Hashable, device: torch.device, blocks: Sequence[Block], launch: Callable[[Block], object]) -> Block:
    """Return the first block, or with autotuning the one that runs fastest, which is measured once a process for each key.

    Args:
        key: Everything that the choice depends on.
        device: The device that the kernel runs on.
        blocks: The candidates, the default one first. They may differ in the last digits of sums, and in nothing else.
        launch: Runs the kernel with a block. It is called repeatedly.
    """
    if os.environ.get(VARIABLE) != "1" or len(blocks) == 1 or _is_capturing(device):
        return blocks[0]
    if key not in _fastest:
        _fastest[key] = _find_fastest(device, blocks, launch)
    return blocks[_fastest[key]]


def list_candidates(default: tuple[dict[str, int], int], axis: str) -> list[tuple[dict[str, int], int]]:
    """Return a block with its number of warps, and alternatives: twice or half the warps, or the length of one axis of the block."""
    tile, warps = default
    others = [(tile, warps * 2), (tile, max(1, warps // 2)), ({**tile, axis: tile[axis] * 2}, warps)]
    if tile[axis] > 1:
        others.append(({**tile, axis: tile[axis] // 2}, warps))
    return [default, *(each for each in others if each != default)]


def _find_fastest(device: torch.device, blocks: Sequence[Block], launch: Callable[[Block], object]) -> int:
    calls = {str(index): partial(launch, each) for index, each in enumerate(blocks) if index == 0 or _can_launch(each, launch)}
    if len(calls) == 1:
        return 0
    seconds = measure_medians(calls, device, repeats=5)
    return int(min(seconds, key=lambda index: seconds[index]))


def _can_launch(block: Block, launch: Callable[[Block], object]) -> bool:
    """Return whether a kernel runs with a block: it may need more registers or shared memory than the device has."""
    try:
        launch(block)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # noqa: BLE001 - a compiler or a driver can raise anything
        return False
    return True


def _is_capturing(device: torch.device) -> bool:
    """Return whether launches are only recorded, as into a CUDA graph: then nothing can be measured."""
    if device.type == "cpu":
        return False
    return bool(torch.get_device_module(device).is_current_stream_capturing())
