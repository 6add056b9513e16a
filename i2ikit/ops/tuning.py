"""The choice of a kernel's block by measuring, where the environment variable ``I2IKIT_AUTOTUNE=1`` asks for it; a fixed one otherwise.

A block that does not run is not chosen. Where the usual one does not, it is the kernel that fails, and not the choice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar

import torch

from i2ikit.ops.timing import medians

Block = TypeVar("Block")

VARIABLE = "I2IKIT_AUTOTUNE"

_found: dict[Hashable, int] = {}


def fastest(key: Hashable, device: torch.device, blocks: Sequence[Block], launch: Callable[[Block], object]) -> Block:
    """Return the first block, or where measuring is asked for, the one that runs fastest; measured once a process for each key.

    Args:
        key: What the choice depends on.
        device: Where it runs.
        blocks: What there is to choose from, the usual one first. Which one runs may change the last digits of sums, and nothing else.
        launch: Runs the kernel with a block, and may do so again and again.
    """
    if os.environ.get(VARIABLE) != "1" or len(blocks) == 1 or _recording(device):
        return blocks[0]
    if key not in _found:
        _found[key] = _measured(device, blocks, launch)
    return blocks[_found[key]]


def neighbours(usual: tuple[dict[str, int], int], lines: str) -> list[tuple[dict[str, int], int]]:
    """Return a block and its warps, and others to try in their place: more or fewer warps, half or twice its lines."""
    tile, warps = usual
    others = [(tile, warps * 2), (tile, max(1, warps // 2)), ({**tile, lines: tile[lines] * 2}, warps)]
    if tile[lines] > 1:
        others.append(({**tile, lines: tile[lines] // 2}, warps))
    return [usual, *(each for each in others if each != usual)]


def _measured(device: torch.device, blocks: Sequence[Block], launch: Callable[[Block], object]) -> int:
    running = {str(index): partial(launch, each) for index, each in enumerate(blocks) if index == 0 or _runs(each, launch)}
    if len(running) == 1:
        return 0
    seconds = medians(running, device, repeats=5)
    return int(min(seconds, key=lambda index: seconds[index]))


def _runs(block: Block, launch: Callable[[Block], object]) -> bool:
    """Say whether a kernel runs with a block, which may need more registers or shared memory than there are."""
    try:
        launch(block)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # noqa: BLE001 - a compiler or a driver can raise anything
        return False
    return True


def _recording(device: torch.device) -> bool:
    """Say whether what is launched is only recorded, as into a CUDA graph: then there is nothing to measure."""
    if device.type == "cpu":
        return False
    return bool(torch.get_device_module(device).is_current_stream_capturing())
