"""The memory format of maps, which an operator's result keeps, and the dtype in which an operator computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def get_memory_format(x: Tensor) -> torch.memory_format:
    """Return the memory format of maps [B, C, H, W].

    Other tensors, and maps whose strides fit no format, such as expanded ones, count as ``torch.contiguous_format``.
    """
    if x.ndim != 4 or x.is_contiguous():
        return torch.contiguous_format
    if x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    # A crop, or a slice of the channels, of maps in channels_last has gaps, but the same order of axes.
    batch, channel, height, width = x.stride()
    crop = channel == 1 and x.shape[1] > 1 and width >= x.shape[1] and height >= width * x.shape[3] and batch >= height * x.shape[2]
    return torch.channels_last if crop else torch.contiguous_format


def make_contiguous(x: Tensor) -> Tensor:
    """Return the tensor contiguous in its memory format; copy it only if it is not."""
    return x.contiguous(memory_format=get_memory_format(x))


def match_memory_format(x: Tensor, like: Tensor) -> Tensor:
    """Return the tensor contiguous in the memory format of another one; copy it only if it is not."""
    return x.contiguous(memory_format=get_memory_format(like))


def disable_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which torch's operations keep the dtypes of their inputs, even under autocast."""
    return torch.autocast(x.device.type, enabled=False) if is_autocast_enabled(x) else nullcontext()


def is_autocast_enabled(x: Tensor) -> bool:
    """Return whether autocast is enabled on the tensor's device; torch's own function fails on meta."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)
