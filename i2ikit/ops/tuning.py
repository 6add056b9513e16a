"""The choice of a kernel's block by measuring, where the environment variable ``I2IKIT_AUTOTUNE=1`` asks for it; a fixed one otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import torch

from i2ikit.ops.clock import medians

Block = TypeVar("Block")

VARIABLE = "I2IKIT_AUTOTUNE"

_found: dict[Hashable, int] = {}


def fastest(key: Hashable, device: torch.device, blocks: Sequence[Block], launch: Callable[[Block], object]) -> Block:
    """Return the first block, or where measuring is asked for, the one that runs fastest; measured once a process for each key.

    Args:
        key: What the choice depends on.
        device: Where it runs.
        blocks: What there is to choose from, the usual one first. Which one runs must not change a bit of the result.
        launch: Runs the kernel with a block, and may do so again and again.
    """
    if os.environ.get(VARIABLE) != "1" or len(blocks) == 1 or _recording(device):
        return blocks[0]
    if key not in _found:
        seconds = medians({str(index): lambda each=each: launch(each) for index, each in enumerate(blocks)}, device, rounds=5)  # type: ignore[misc]
        _found[key] = min(range(len(blocks)), key=lambda index: seconds[str(index)])
    return blocks[_found[key]]


def _recording(device: torch.device) -> bool:
    """Say whether what is launched is only recorded, as into a CUDA graph: then there is nothing to measure."""
    if device.type == "cpu":
        return False
    return bool(torch.get_device_module(device).is_current_stream_capturing())
