"""The permutation of labels by which the plan of labelled batches chooses target labels."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.random_streams import RandomStreams
from i2ikit.errors import PlanError


def check_permutation(order: Tensor, rows: Iterable[int]) -> Tensor:
    """Return the given permutation "perm" as indices.

    Args:
        order: The permutation.
        rows: The numbers of rows that it may have: those of the micro-batch, and of the whole batch.

    Raises:
        PlanError: It is no permutation of so many rows.
    """
    counts = list(dict.fromkeys(rows))
    expected = " or ".join(f"0 to {count - 1}" for count in counts)
    found = ""
    if order.is_floating_point() or order.is_complex() or order.dtype == torch.bool:
        found = f"dtype {order.dtype}"
    elif order.ndim != 1 or len(order) not in counts:
        found = f"the shape {list(order.shape)}"
    elif not torch.equal(order.long().sort().values, torch.arange(len(order), device=order.device)):
        found = str(order.tolist() if len(order) <= 16 else f"{order[:16].tolist()[:-1]}...")
    if found:
        raise PlanError(f'The draw "perm" must be a permutation of the rows, the whole numbers from {expected}; found {found}.')
    return order.long()


def draw_label_permutation(label: Tensor, domain: DomainSpec, streams: RandomStreams) -> Tensor:
    """Draw a random permutation [B] that moves each row only to rows with the same mask."""
    whole_streams = RandomStreams(streams.path, streams.replacements, player=streams.player, device=streams.device)
    keys = whole_streams.uniform("perm", (len(label),))
    if not domain.masked:
        return keys.argsort()
    weights = torch.tensor([2**index for index in range(len(domain.sets))], device=label.device)
    group = ((label[:, domain.num_values :] > 0.5).long() * weights).sum(1)
    return _shuffle_within_groups(group, keys)


def _shuffle_within_groups(group: Tensor, keys: Tensor) -> Tensor:
    by_key = keys.argsort()
    shuffled = by_key[group[by_key].argsort(stable=True)]  # sorted by group, in random order within each group
    in_place = group.argsort(stable=True)  # sorted by group, in batch order within each group
    return torch.empty_like(in_place).scatter_(0, in_place, shuffled)
