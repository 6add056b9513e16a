"""The permutation of labels by which the plan of labelled batches chooses target labels."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.core.random_streams import RandomStreams


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
