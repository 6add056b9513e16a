"""How torch.func.vmap maps the operators: by one call on a larger batch where every image is worked on alone, otherwise one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor


def register(op: Any, images: Collection[int], alone: Callable[..., bool] = lambda *_: True) -> None:
    """Tell torch how an operator is mapped.

    Args:
        op: A ``torch.library.custom_op`` whose results begin with the axis of images, or are empty.
        images: Positions of the tensors that begin with the axis of images, of which one may stand for all; the first is that of x.
        alone: Given the arguments, says whether every image is worked on alone.
    """
    first = min(images)

    def rule(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
        count = info.batch_size
        mapped = [place for place, dim in enumerate(in_dims) if isinstance(dim, int)]  # lists have a list
        moved = [each.movedim(in_dims[place], 0) if place in mapped else each for place, each in enumerate(arguments)]
        if not set(mapped) <= set(images) or not alone(*arguments):
            results = [op(*(each[index] if place in mapped else each for place, each in enumerate(moved))) for index in range(count)]
            if isinstance(results[0], Tensor):
                return torch.stack(results), 0
            return tuple(torch.stack(each) for each in zip(*results, strict=True)), (0,) * len(results[0])
        batch = moved[first].shape[1 if first in mapped else 0]
        folded = [
            _folded(each, count, batch, place in mapped) if place in images and each is not None else each
            for place, each in enumerate(moved)
        ]
        result = op(*folded)
        if isinstance(result, Tensor):
            return _unfolded(result, count, batch), 0
        return tuple(_unfolded(each, count, batch) for each in result), (0,) * len(result)

    op.register_vmap(rule)


def _folded(value: Tensor, count: int, batch: int, is_mapped: bool) -> Tensor:
    whole = value if is_mapped else value[None]
    return whole.expand(count, batch, *whole.shape[2:]).flatten(0, 1)


def _unfolded(value: Tensor, count: int, batch: int) -> Tensor:
    # Results that were not asked for are empty, and of one axis.
    if value.ndim == 1 and value.numel() == 0:
        return value.expand(count, 0)
    return value.view(count, batch, *value.shape[1:])
