"""Endless batches in an order that depends only on (seed, epoch, position)."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import torch
from attrs import evolve
from torch import Tensor

from i2ikit.core.batch_kinds import IMAGES, BatchKind
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.batching import group_batches
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.images import CACHE_BYTES
from i2ikit.data.references import References
from i2ikit.data.transforms import Transform
from i2ikit.errors import DataError, OptionError

Batch = dict[str, Any]


class Augmentation(NamedTuple):
    """Random changes of one image.

    Attributes:
        mirrored: Whether left and right are swapped.
        position: Vertical and horizontal position of the random crop, between 0 and 1; unused without jitter.
    """

    mirrored: bool
    position: tuple[float, float]


class Loader:
    """An endless iterator of batches.

    A batch is a dict with ``"image"`` [B C H W] in [-1, 1], ``"label"`` [B D] if there are labels, ``"target"`` [B C H W] for pairs, and
    ``"file"``, a list of B names. For unpaired data it has ``"images"``, a dict with one tensor [B C H W] for each domain, instead of
    ``"image"``, and ``"file"`` lists the files of all domains in order. For batch kinds with references, it has ``"reference"``,
    ``"second_reference"`` and ``"reference_label"``: further images that share one other label.

    Each epoch is a new permutation of the images. For unpaired data, each domain has its own permutation, and shorter domains are
    repeated. The last images that do not fill a batch are left out. If label sets are known for only a part of the images, a batch holds
    images that know the same label sets, where possible.

    Args:
        dataset: The images, usually one split.
        transform: Brings all images to one size; None keeps them as they are, which must then have the same size.
        batch: Images in a batch, over all processes.
        seed: Random seed of order, mirroring and jitter.
        workers: Threads that prepare batches in advance; with 0, each batch is prepared when it is needed. The batches are the same.
        rank: Index of this process, which gets its own consecutive rows of every batch.
        world: Number of processes.
        kind: The batch kind that the batches are for, which may leave out labels; None means everything that the data has.

    Raises:
        OptionError: The batch cannot be divided by the number of processes.
        DataError: There are fewer images than a batch needs. While iterating: an image is damaged or has another size.
    """

    def __init__(
        self,
        dataset: Dataset,
        transform: Transform | None,
        *,
        batch: int,
        seed: int,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        kind: BatchKind | None = None,
    ) -> None:
        if batch < 1 or batch % world:
            raise OptionError(f"A batch of {batch} images cannot be divided among {world} processes. Choose a multiple of {world}.")
        self.dataset, self.transform, self.batch, self.seed, self.workers = dataset, transform, batch, seed, workers
        self.rank, self.world, self.kind = rank, world, kind
        self._arrangement = get_arrangement(dataset)
        self._source_transform = transform if transform is None or dataset.source.is_picture else evolve(transform, nearest=True)
        self._flip = transform is not None and transform.flip
        self._groups = group_by_domain(dataset)
        self._size = max(len(group) for group in self._groups.values())
        if self._size < batch:
            raise DataError(f'A batch needs {batch} images, but "{dataset.name}" has {self._size}. Use a batch of {self._size} or less.')
        self._labels = _encode_labels(dataset)
        self._masks = _find_masks(dataset, self._labels)
        has_references = kind is not None and kind.references
        self._references = References(self._labels, self._masks, len(dataset.items)) if has_references else None
        self._epoch = self._index = 0
        self._orders: dict[tuple[int, str], tuple[list[int], list[Augmentation]]] = {}
        self._cache: dict[tuple[str, bool, bool], Tensor] = {}
        self._cache_left = CACHE_BYTES
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="loader") if workers else None
        self._prefetched: deque[Future[Batch]] = deque()

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches in an epoch."""
        return self._size // self.batch

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and index of the next batch, both counted from 0."""
        return self._epoch, self._index

    def state(self) -> dict[str, int]:
        """Return the position of the next batch as JSON data."""
        return {"epoch": self._epoch, "index": self._index}

    def restore(self, state: Mapping[str, int]) -> None:
        """Continue at the position that :meth:`state` returned.

        Raises:
            DataError: This loader has no such position, for example because the batch size was another one.
        """
        epoch, index = state.get("epoch"), state.get("index")
        if not isinstance(epoch, int) or not isinstance(index, int) or epoch < 0 or not 0 <= index < self.batches_per_epoch:
            raise DataError(
                f"The loader has no position {dict(state)}: an epoch has {self.batches_per_epoch} batches. Use the same batch size and "
                "data as when the position was saved."
            )
        for future in self._prefetched:
            future.cancel()
        self._prefetched.clear()
        self._epoch, self._index = epoch, index

    def close(self) -> None:
        """End the threads; the loader cannot be used afterwards."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._prefetched.clear()

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._pool is None:
            batch = self.get_batch(self._epoch, self._index)
        else:
            while len(self._prefetched) <= self.workers:
                self._prefetched.append(self._pool.submit(self.get_batch, *self._get_position_after(len(self._prefetched))))
            batch = self._prefetched.popleft().result()
        self._epoch, self._index = self._get_position_after(1)
        return batch

    def get_batch(self, epoch: int, index: int) -> Batch:
        """Return the batch at any position; the position of the loader does not change."""
        share = self.batch // self.world
        start = index * self.batch + self.rank * share
        selected = {name: self._select_rows(name, epoch, range(start, start + share)) for name in self._groups}
        items = [(self.dataset.items[row], row, augmentation) for rows in selected.values() for row, augmentation in rows]
        batch: Batch = {"file": [item.file for item, _, _ in items]}
        if self._arrangement.has_domains:
            batch[IMAGES] = {
                name: self._stack([(self.dataset.items[row], row, augmentation) for row, augmentation in rows])
                for name, rows in selected.items()
            }
            return batch
        batch["image"] = self._stack(items)
        batch |= self._load_references(epoch, range(start, start + share), [row for _, row, _ in items])
        if self._labels is not None and (self.kind is None or self.kind.label != "none"):
            batch["label"] = self._labels[torch.tensor([row for _, row, _ in items])]
        if self._arrangement.has_targets:
            batch["target"] = self._stack(items, is_target=True)
        return batch

    def _load_references(self, epoch: int, positions: Sequence[int], rows: Sequence[int]) -> Batch:
        """Return the reference images of the rows at some positions of an epoch; nothing if the batch kind has none."""
        if self._references is None or self.kind is None:
            return {}
        chosen = []
        for position, row in zip(positions, rows, strict=True):
            generator = torch.Generator().manual_seed(_make_seed(self.seed, epoch, position, "reference"))
            found = self._references.choose(row, self.kind.references, generator)
            flips = ((torch.rand(len(found), generator=generator) < 0.5) & self._flip).tolist()
            places = torch.rand(len(found), 2, generator=generator).tolist()
            augmentations = [Augmentation(flip, (y, x)) for flip, (y, x) in zip(flips, places, strict=True)]
            chosen.append([(self.dataset.items[each], each, changes) for each, changes in zip(found, augmentations, strict=True)])
        names = ("reference", "second_reference")[: self.kind.references]
        batch: Batch = {name: self._stack([row[index] for row in chosen]) for index, name in enumerate(names)}
        if self._labels is not None and self.kind.label != "none":
            batch["reference_label"] = self._labels[torch.tensor([row[0][1] for row in chosen])]
        return batch

    def _stack(self, items: Sequence[tuple[Item, int, Augmentation]], is_target: bool = False) -> Tensor:
        images = [self._get_image(item, augmentation, is_target) for item, _, augmentation in items]
        for image, (item, _, _) in zip(images, items, strict=True):
            if image.shape != images[0].shape:
                first, other = ("x".join(map(str, each.shape[-2:])) for each in (images[0], image))
                raise DataError(
                    f'All images of a batch must have the same size, but "{items[0][0].file}" is {first} and "{item.file}" is {other}. Use '
                    "a transform that resizes them."
                )
        return torch.stack(images)

    def _get_position_after(self, count: int) -> tuple[int, int]:
        epochs, index = divmod(self._index + count, self.batches_per_epoch)
        return self._epoch + epochs, index

    def _select_rows(self, name: str, epoch: int, positions: Sequence[int]) -> list[tuple[int, Augmentation]]:
        order, augmentations = self._get_order(name, epoch)
        group = self._groups[name]
        return [(group[order[position]], augmentations[position]) for position in positions]

    def _get_order(self, name: str, epoch: int) -> tuple[list[int], list[Augmentation]]:
        with self._lock:
            if (epoch, name) not in self._orders:
                needed, count = self.batches_per_epoch * self.batch, len(self._groups[name])
                generator = torch.Generator().manual_seed(_make_seed(self.seed, epoch, name))
                order: list[int] = []
                while len(order) < needed:
                    order += torch.randperm(count, generator=generator).tolist()
                if self._masks is not None:
                    order = group_batches(order, self._masks, self.batch, generator)
                flips = ((torch.rand(needed, generator=generator) < 0.5) & self._flip).tolist()
                positions = torch.rand(needed, 2, generator=generator).tolist()
                for key in [key for key in self._orders if key[0] < self._epoch]:
                    del self._orders[key]
                augmentations = [Augmentation(flip, (y, x)) for flip, (y, x) in zip(flips, positions, strict=True)]
                self._orders[epoch, name] = (order, augmentations)
            return self._orders[epoch, name]

    def _get_image(self, item: Item, augmentation: Augmentation, is_target: bool = False) -> Tensor:
        key = (item.file, augmentation.mirrored, is_target)
        image = self._cache.get(key)
        if image is None:
            image = self._prepare_image(item, augmentation.mirrored, is_target)
            with self._lock:
                if key not in self._cache and image.nbytes <= self._cache_left:
                    self._cache[key] = image
                    self._cache_left -= image.nbytes
        return image if self.transform is None or not self.transform.jitter else self.transform.crop_at(image, augmentation.position)

    def _prepare_image(self, item: Item, mirrored: bool, is_target: bool) -> Tensor:
        image = self.dataset.read_target(item) if is_target else self.dataset.read(item)
        if image is None:
            raise DataError(f'The data set is paired, but "{item.file}" has no target image.')
        transform = self.transform if is_target else self._source_transform
        try:
            return image if transform is None else transform.enlarge(image, mirrored=mirrored)
        except DataError as cause:
            raise DataError(f'"{item.file}": {cause}') from None


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


def _encode_labels(dataset: Dataset) -> Tensor | None:
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


def _find_masks(dataset: Dataset, labels: Tensor | None) -> list[tuple[float, ...]] | None:
    """Return the mask of each row, or None if all rows know the same label sets."""
    if labels is None or not dataset.domain.masked:
        return None
    masks = [tuple(mask) for mask in labels[:, dataset.domain.num_values :].tolist()]
    return masks if len(set(masks)) > 1 else None


def _make_seed(*parts: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
