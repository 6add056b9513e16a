"""Reference images: for each image of a batch, further images that share one other label."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class References:
    """Chooses reference images for the rows of a data set.

    The label of the references is drawn uniformly from the labels of the data that differ from the row's own and know the same label sets;
    if there is none, it is the row's own label. The references are different images with exactly that label where there are enough.

    Args:
        labels: The label of each row [N, D], or None: every other image may then be a reference.
        masks: The mask of each row, or None if all rows know the same label sets.
        rows: The number of rows, N.
    """

    def __init__(self, labels: Tensor | None, masks: Sequence[tuple[float, ...]] | None, rows: int) -> None:
        self._keys: list[tuple[float, ...]] = [()] * rows if labels is None else [tuple(label) for label in labels.tolist()]
        self._groups: dict[tuple[float, ...], list[int]] = {}
        for row, key in enumerate(self._keys):
            self._groups.setdefault(key, []).append(row)
        self._by_mask: dict[tuple[float, ...], list[tuple[float, ...]]] = {}
        for key, group in self._groups.items():
            self._by_mask.setdefault(masks[group[0]] if masks is not None else (), []).append(key)
        self._masks = masks

    def choose(self, row: int, count: int, generator: torch.Generator) -> list[int]:
        """Return the rows of ``count`` reference images of a row."""
        labels = [key for key in self._by_mask[self._masks[row] if self._masks is not None else ()] if key != self._keys[row]]
        label = labels[_draw_index(len(labels), generator)] if labels else self._keys[row]
        group = [each for each in self._groups[label] if each != row] or [row]
        chosen: list[int] = []
        while len(chosen) < count:
            chosen += [group[index] for index in torch.randperm(len(group), generator=generator)[: count - len(chosen)].tolist()]
        return chosen


def _draw_index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
