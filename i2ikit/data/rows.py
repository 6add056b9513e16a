"""The rows of a data set as a loader needs them: grouped by domain, with their labels as numbers."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset
from i2ikit.errors import DataError


def group_by_domain(dataset: Dataset) -> dict[str, list[int]]:
    """Return the indices of the items of each domain; if the data is not unpaired, of all items under the key "".

    Raises:
        DataError: The data cannot be trained on: there are no images, or a domain has fewer than two.
    """
    if not dataset.items:
        raise DataError(f'"{dataset.name}" has no images in this split.')
    if not get_arrangement(dataset).has_domains:
        return {"": list(range(len(dataset.items)))}
    attribute = dataset.domain.attributes[0]
    groups: dict[str, list[int]] = {name: [] for name in attribute.values}
    for index, item in enumerate(dataset.items):
        groups[str(item.row[attribute.name])].append(index)
    for name, group in groups.items():
        if len(group) < 2:
            found = "no images" if not group else "only one image"
            raise DataError(
                f'Domain "{name}" of "{dataset.name}" has {found} in this split, but training requires at least two. Add images.'
            )
    return groups


def encode_labels(dataset: Dataset) -> Tensor | None:
    """Return the label of each row [N D], or None if there are no labels."""
    if get_arrangement(dataset).has_domains or not dataset.domain.width:
        return None
    encoded: dict[tuple[tuple[str, str | None], ...], list[float]] = {}
    rows: list[list[float]] = []
    for item in dataset.items:
        key = tuple(item.row.items())
        if key not in encoded:
            encoded[key] = dataset.encode_label(item)
        rows.append(encoded[key])
    return torch.tensor(rows, dtype=torch.float32)


def find_masks(dataset: Dataset, labels: Tensor | None) -> list[tuple[float, ...]] | None:
    """Return the mask of each row, or None if all rows know the same label sets."""
    if labels is None or not dataset.domain.masked:
        return None
    masks = [tuple(mask) for mask in labels[:, dataset.domain.num_values :].tolist()]
    return masks if len(set(masks)) > 1 else None


def make_seed(*parts: object) -> int:
    """Return the seed of a random generator that depends only on the parts."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
