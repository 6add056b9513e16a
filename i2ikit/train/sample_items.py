"""The choice of the images for sample grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.missing_values import find_missing_values
from i2ikit.errors import DataError

_POOL_SIZE = 200  # number of images from which the samples are chosen


def choose_samples(data: Dataset, kind: BatchKind, rows: int, seed: int) -> list[tuple[Item, Dataset]]:
    """Return samples, each with the split that it is from: held-out images that have as many different labels as possible.

    If the held-out images lack a domain or a value, some samples are training images of it.

    Raises:
        DataError: The data set has no images.
    """
    part = get_held_out_split(data)
    split = part.items[0].split if part.items else "train"
    missing = set() if split == "train" else set(find_missing_values(data.domain, data.items, split))
    lacking = [item for item in data.items if item.split == "train" and not missing.isdisjoint(item.row.items())] if missing else []
    count = 0
    if lacking and rows > 1:
        share = len(missing) / len(data.domain.names) if kind.domains else 0.5
        count = min(rows - 1, len(lacking), max(1, int(rows * share)), rows if kind.domains else len(missing))
    held_out = choose_items(part.items, rows - count, seed, data.name, partial(_can_read, part))
    if not count:
        return [(item, part) for item in held_out]
    training = data.split("train")
    return [(item, part) for item in held_out] + [
        (item, training) for item in choose_items(lacking, count, seed, data.name, partial(_can_read, training))
    ]


def get_held_out_split(data: Dataset) -> Dataset:
    """Return the split "test", else "val", else the whole data set."""
    name = next((name for name in ("test", "val") if name in data.splits), None)
    return data if name is None else data.split(name)


def choose_items(items: Sequence[Item], rows: int, seed: int, name: str, is_usable: Callable[[Item], bool] = lambda _: True) -> list[Item]:
    """Return items of different subjects that together have as many different labels as possible.

    Args:
        items: The items to choose from.
        rows: Number of items.
        seed: Random seed of the choice.
        name: Name of the data set, for the message.
        is_usable: Called with each chosen item. If it returns false, another item takes its place.

    Raises:
        DataError: There are no items, or none can be used.
    """
    if not items:
        raise DataError(f'"{name}" has no images for the sample grids.')
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(seed)).tolist()[:_POOL_SIZE]
    pool = [items[index] for index in order]
    chosen: list[Item] = []
    counts: dict[tuple[str, str | None], int] = {}
    while pool and len(chosen) < rows:
        best = min(pool, key=lambda item: _rank(item, chosen, counts))
        pool.remove(best)
        if not is_usable(best):
            continue
        chosen.append(best)
        for pair in best.row.items():
            counts[pair] = counts.get(pair, 0) + 1
    if rows > 0 and not chosen:
        raise DataError(f'"{name}" has no image for the sample grids that can be read.')
    return chosen


def _can_read(data: Dataset, item: Item) -> bool:
    """Return whether an image, and the target of a pair, can be read."""
    try:
        data.read(item)
        data.read_target(item)
    except DataError:
        return False
    return True


def _rank(item: Item, chosen: Sequence[Item], counts: dict[tuple[str, str | None], int]) -> tuple[int, int, int]:
    """Return a key that is smaller for an image that adds more to the chosen ones."""
    unknown = sum(value is None for value in item.row.values())
    is_repeated = item.subject is not None and any(item.subject == other.subject for other in chosen)
    return int(is_repeated), unknown, sum(counts.get(pair, 0) for pair in item.row.items())
