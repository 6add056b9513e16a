"""How the maps that go into an operator lie in memory, and so how those that come out do; and in which dtype it computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def memory_format(x: Tensor) -> torch.memory_format:
    """Return the layout of maps [B, C, H, W]; one for other tensors and for those that lie in no order, such as expanded ones."""
    if x.ndim != 4 or x.is_contiguous():
        return torch.contiguous_format
    if x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    # A crop, or a slice of the channels, of such maps has gaps, but the same order.
    batch, channel, height, width = x.stride()
    crop = channel == 1 and x.shape[1] > 1 and width >= x.shape[1] and height >= width * x.shape[3] and batch >= height * x.shape[2]
    return torch.channels_last if crop else torch.contiguous_format


def in_order(x: Tensor) -> Tensor:
    """Return the tensor in the order of ``memory_format``, copied where it has none."""
    return x.contiguous(memory_format=memory_format(x))


def in_order_of(x: Tensor, like: Tensor) -> Tensor:
    """Return the tensor in the order of another, copied where it has not."""
    return x.contiguous(memory_format=memory_format(like))


def own_dtype(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which torch's operations compute in the dtypes that they are given, even under autocast."""
    return torch.autocast(x.device.type, enabled=False) if autocasts(x) else nullcontext()


def autocasts(x: Tensor) -> bool:
    """Say whether autocast is on where the tensor lies; torch has none on meta, and says so by an error."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)
