"""How torch.func.vmap runs the operators: one call on a larger batch if they treat images independently, otherwise one call per element."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor


def register(op: Any, batched: Collection[int], is_per_image: Callable[..., bool] = lambda *_: True) -> None:
    """Register how vmap runs an operator.

    Args:
        op: A ``torch.library.custom_op`` whose results begin with the batch axis, or are empty.
        batched: Positions of the tensors that begin with the batch axis, which may have length 1 for all images. The first one is x.
        is_per_image: Returns whether each image is computed independently of the others, given the arguments.
    """
    first = min(batched)

    def run_vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
        count = info.batch_size
        mapped = [index for index, dim in enumerate(in_dims) if isinstance(dim, int)]  # the dims of a list are a list
        moved = [each.movedim(in_dims[index], 0) if index in mapped else each for index, each in enumerate(arguments)]
        if not set(mapped) <= set(batched) or not is_per_image(*arguments):
            results = [op(*(each[row] if index in mapped else each for index, each in enumerate(moved))) for row in range(count)]
            if isinstance(results[0], Tensor):
                return torch.stack(results), 0
            return tuple(torch.stack(each) for each in zip(*results, strict=True)), (0,) * len(results[0])
        batch = moved[first].shape[1 if first in mapped else 0]
        folded = [
            _fold_batch(each, count, batch, index in mapped) if index in batched and each is not None else each
            for index, each in enumerate(moved)
        ]
        result = op(*folded)
        if isinstance(result, Tensor):
            return _unfold_batch(result, count, batch), 0
        return tuple(_unfold_batch(each, count, batch) for each in result), (0,) * len(result)

    op.register_vmap(run_vmap)


def _fold_batch(value: Tensor, count: int, batch: int, is_mapped: bool) -> Tensor:
    whole = value if is_mapped else value[None]
    return whole.expand(count, batch, *whole.shape[2:]).flatten(0, 1)


def _unfold_batch(value: Tensor, count: int, batch: int) -> Tensor:
    # Results that were not requested are empty and have one axis.
    if value.ndim == 1 and value.numel() == 0:
        return value.expand(count, 0)
    return value.view(count, batch, *value.shape[1:])
