"""Endless batches whose order is a function of (seed, epoch, position) alone."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from torch import Tensor

from i2ikit.data.batching import alike
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.images import CACHE_BYTES
from i2ikit.data.transforms import Transform
from i2ikit.errors import DataError, OptionError

Batch = dict[str, Any]


class Change(NamedTuple):
    """What chance does to an image: whether it is mirrored, and where a window is cut of one that was made larger."""

    mirrored: bool
    place: tuple[float, float]


class Loader:
    """An endless iterator of batches.

    A batch has ``"image"`` [B C H W] in [-1, 1], ``"label"`` [B D] where there are labels, ``"target"`` [B C H W] for pairs and
    ``"file"``, a list of B names. Unpaired data has one entry a domain instead of ``"image"``, each [B C H W], and ``"file"`` lists them in
    domain order. Each epoch is a new permutation, one a domain for unpaired data, where the shorter domain starts over; the ragged last
    batch is left out. Where label sets are known for a part of the images only, a batch holds images that know the same sets, as far as
    they go.

    Args:
        dataset: Usually one split.
        transform: What brings images to one size; None takes them as they are, which must then be of one size.
        batch: Rows over all processes.
        seed: Of order and flips.
        workers: Threads that prepare batches ahead; 0 prepares each when it is asked for. The batches are the same.
        rank: Of this process, which gets its own consecutive rows of every batch.
        world: How many processes there are.

    Raises:
        OptionError: The batch does not divide among the processes.
        DataError: There are fewer images than rows in a batch; while iterating, an image is damaged or of another size.
    """

    def __init__(
        self, dataset: Dataset, transform: Transform | None, *, batch: int, seed: int, workers: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        if batch < 1 or batch % world:
            raise OptionError(f"A batch of {batch} does not divide among {world} processes. Choose a multiple of {world}.")
        self.dataset, self.transform, self.batch, self.seed, self.workers = dataset, transform, batch, seed, workers
        self.rank, self.world = rank, world
        self._flip = transform is not None and transform.flip
        self._groups = grouped(dataset)
        self._size = max(len(group) for group in self._groups.values())
        if self._size < batch:
            raise DataError(f'A batch of {batch} was asked for, but "{dataset.name}" has {self._size} images. Use {self._size} or less.')
        self._labels = _labels(dataset)
        self._masks = _masks(dataset, self._labels)
        self._epoch = self._index = 0
        self._orders: dict[tuple[int, str], tuple[list[int], list[Change]]] = {}
        self._ready: dict[tuple[str, bool, bool], Tensor] = {}
        self._left = CACHE_BYTES
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="loader") if workers else None
        self._ahead: deque[Future[Batch]] = deque()

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return self._size // self.batch

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and batch within it of the next batch, from 0."""
        return self._epoch, self._index

    def state(self) -> dict[str, int]:
        """Return where the loader stands, as JSON data."""
        return {"epoch": self._epoch, "index": self._index}

    def restore(self, state: Mapping[str, int]) -> None:
        """Go on where :meth:`state` was taken.

        Raises:
            DataError: The state is no position of this loader, such as one taken with another batch.
        """
        epoch, index = state.get("epoch"), state.get("index")
        if not isinstance(epoch, int) or not isinstance(index, int) or epoch < 0 or not 0 <= index < self.batches:
            raise DataError(f"Loader position {dict(state)} is none of {self.batches} batches an epoch. Was the batch or the data changed?")
        for future in self._ahead:
            future.cancel()
        self._ahead.clear()
        self._epoch, self._index = epoch, index

    def close(self) -> None:
        """End the threads; the loader is of no use afterwards."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._ahead.clear()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._pool is None:
            batch = self.at(self._epoch, self._index)
        else:
            while len(self._ahead) <= self.workers:
                self._ahead.append(self._pool.submit(self.at, *self._after(len(self._ahead))))
            batch = self._ahead.popleft().result()
        self._epoch, self._index = self._after(1)
        return batch

    def at(self, epoch: int, index: int) -> Batch:
        """Return the batch at a position, whatever was given before; the loader does not move."""
        share = self.batch // self.world
        start = index * self.batch + self.rank * share
        drawn = {name: self._draw(name, epoch, range(start, start + share)) for name in self._groups}
        items = [(self.dataset.items[row], row, change) for rows in drawn.values() for row, change in rows]
        batch: Batch = {"file": [item.file for item, _, _ in items]}
        if self.dataset.batch_kind == "unpaired":
            for name, rows in drawn.items():
                batch[name] = self._stack([(self.dataset.items[row], row, change) for row, change in rows])
            return batch
        batch["image"] = self._stack(items)
        if self._labels is not None:
            batch["label"] = self._labels[torch.tensor([row for _, row, _ in items])]
        if self.dataset.batch_kind == "paired":
            batch["target"] = self._stack(items, target=True)
        return batch

    def _stack(self, items: Sequence[tuple[Item, int, Change]], target: bool = False) -> Tensor:
        images = [self._image(item, change, target) for item, _, change in items]
        for image, (item, _, _) in zip(images, items, strict=True):
            if image.shape != images[0].shape:
                first, other = ("x".join(map(str, each.shape[-2:])) for each in (images[0], image))
                raise DataError(
                    f'"{items[0][0].file}" is {first} and "{item.file}" is {other}, but a batch needs one size. Give a size to resize to.'
                )
        return torch.stack(images)

    def _after(self, count: int) -> tuple[int, int]:
        epochs, index = divmod(self._index + count, self.batches)
        return self._epoch + epochs, index

    def _draw(self, name: str, epoch: int, positions: Sequence[int]) -> list[tuple[int, Change]]:
        order, changes = self._order(name, epoch)
        group = self._groups[name]
        return [(group[order[position]], changes[position]) for position in positions]

    def _order(self, name: str, epoch: int) -> tuple[list[int], list[Change]]:
        with self._lock:
            if (epoch, name) not in self._orders:
                needed, count = self.batches * self.batch, len(self._groups[name])
                generator = torch.Generator().manual_seed(_mix(self.seed, epoch, name))
                order: list[int] = []
                while len(order) < needed:
                    order += torch.randperm(count, generator=generator).tolist()
                if self._masks is not None:
                    order = alike(order, self._masks, self.batch, generator)
                flips = ((torch.rand(needed, generator=generator) < 0.5) & self._flip).tolist()
                places = torch.rand(needed, 2, generator=generator).tolist()
                for old in [key for key in self._orders if key[0] < self._epoch]:
                    del self._orders[old]
                self._orders[epoch, name] = (order, [Change(flip, (y, x)) for flip, (y, x) in zip(flips, places, strict=True)])
            return self._orders[epoch, name]

    def _image(self, item: Item, change: Change, target: bool = False) -> Tensor:
        key = (item.file, change.mirrored, target)
        ready = self._ready.get(key)
        if ready is None:
            ready = self._prepared(item, change.mirrored, target)
            with self._lock:
                if key not in self._ready and ready.nbytes <= self._left:
                    self._ready[key] = ready
                    self._left -= ready.nbytes
        return ready if self.transform is None or not self.transform.jitter else self.transform.cut(ready, change.place)

    def _prepared(self, item: Item, mirrored: bool, target: bool) -> Tensor:
        image = self.dataset.target(item) if target else self.dataset.read(item)
        if image is None:
            raise DataError(f'"{item.file}" has no target image, but the data set is paired.')
        try:
            return image if self.transform is None else self.transform.grown(image, mirrored=mirrored)
        except DataError as cause:
            raise DataError(f'"{item.file}": {cause}') from None


def grouped(dataset: Dataset) -> dict[str, list[int]]:
    """Return the places of the items of each domain, or of all under "" where there are none.

    Raises:
        DataError: There is nothing to learn from: no images, or a domain of fewer than two, or one of a name that a batch needs.
    """
    if not dataset.items:
        raise DataError(f'"{dataset.name}" has no images in this split.')
    if dataset.batch_kind != "unpaired":
        return {"": list(range(len(dataset.items)))}
    attribute = dataset.domain.attributes[0]
    taken = sorted({"file", "image", "label", "target"} & set(attribute.values))
    if taken:
        raise DataError(f'A domain cannot be called "{taken[0]}", which is an entry of every batch. Rename its folder.')
    groups: dict[str, list[int]] = {name: [] for name in attribute.values}
    for index, item in enumerate(dataset.items):
        groups[str(item.row[attribute.name])].append(index)
    for name, group in groups.items():
        if len(group) < 2:
            held = "no images" if not group else "one image only"
            raise DataError(f'Domain "{name}" of "{dataset.name}" has {held} in this split. A domain is learnt from several: add some.')
    return groups


def _labels(dataset: Dataset) -> Tensor | None:
    if dataset.batch_kind == "unpaired" or not dataset.domain.width:
        return None
    known: dict[tuple[tuple[str, str | None], ...], list[float]] = {}
    rows: list[list[float]] = []
    for item in dataset.items:
        key = tuple(item.row.items())
        if key not in known:
            known[key] = dataset.label(item)
        rows.append(known[key])
    return torch.tensor(rows, dtype=torch.float32)


def _masks(dataset: Dataset, labels: Tensor | None) -> list[tuple[float, ...]] | None:
    """Return the mask of each row, or None where all rows know the same label sets."""
    if labels is None or not dataset.domain.masked:
        return None
    masks = [tuple(mask) for mask in labels[:, dataset.domain.content :].tolist()]
    return masks if len(set(masks)) > 1 else None


def _mix(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
