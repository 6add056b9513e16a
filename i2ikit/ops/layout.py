"""How the maps that go into an operator lie in memory, and so how those that come out do; and in which dtype it computes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def memory_format(x: Tensor) -> torch.memory_format:
    """Return the layout of maps [B, C, H, W]; one for other tensors and for those that lie in no order, such as expanded ones."""
    if x.ndim != 4 or x.is_contiguous():
        return torch.contiguous_format
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


def in_order(x: Tensor) -> Tensor:
    """Return the tensor in the order of ``memory_format``, copied where it has none."""
    return x.contiguous(memory_format=memory_format(x))


def in_order_of(x: Tensor, like: Tensor) -> Tensor:
    """Return the tensor in the order of another, copied where it has not."""
    return x.contiguous(memory_format=memory_format(like))


def own_dtype(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which torch's operations compute in the dtypes that they are given, even under autocast."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
