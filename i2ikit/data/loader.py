"""Endless batches in an order that depends only on (seed, epoch, position)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from i2ikit.core.batch_kinds import IMAGES, BatchKind
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.bad_files import Loaded, UsableImages, refuse_too_many
from i2ikit.data.batching import group_batches
from i2ikit.data.dataset import Dataset
from i2ikit.data.prepared_images import Augmentation, PreparedImages
from i2ikit.data.references import References
from i2ikit.data.rows import encode_labels, find_masks, group_by_domain, make_seed
from i2ikit.data.transforms import Transform
from i2ikit.errors import DataError, OptionError

Batch = dict[str, Any]


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
        on_bad_file: What happens if an image cannot be read: ``"stop"`` raises an error; ``"skip"`` puts another image in its place, which
            depends only on (seed, epoch, image), up to one percent of the images.

    Attributes:
        bad_files: The reason of each file that could not be read so far.

    Raises:
        OptionError: The batch cannot be divided by the number of processes.
        DataError: There are fewer images than a batch needs. While iterating: images have different sizes.
        BadFileError: While iterating: an image cannot be read, or too many cannot.
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
        on_bad_file: str = "stop",
    ) -> None:
        if batch < 1 or batch % world:
            raise OptionError(f"A batch of {batch} images cannot be divided among {world} processes. Choose a multiple of {world}.")
        self.dataset, self.transform, self.batch, self.seed, self.workers = dataset, transform, batch, seed, workers
        self.rank, self.world, self.kind = rank, world, kind
        self._arrangement = get_arrangement(dataset)
        self.bad_files: dict[str, str] = {}
        self._flip = transform is not None and transform.flip
        self._groups = group_by_domain(dataset)
        self._size = max(len(group) for group in self._groups.values())
        if self._size < batch:
            raise DataError(f'A batch needs {batch} images, but "{dataset.name}" has {self._size}. Use a batch of {self._size} or less.')
        self._labels = encode_labels(dataset)
        self._masks = find_masks(dataset, self._labels)
        has_references = kind is not None and kind.references
        self._references = References(self._labels, self._masks, len(dataset.items)) if has_references else None
        images = PreparedImages(dataset, transform)
        self._images = UsableImages(images, self._groups, self._labels, self._masks, seed, skips=on_bad_file == "skip")
        self._epoch = self._index = 0
        self._orders: dict[tuple[int, str], tuple[list[int], list[Augmentation]]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="loader") if workers else None
        self._prefetched: deque[Future[tuple[Batch, dict[str, str]]]] = deque()

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
            batch, found = self._load_batch(self._epoch, self._index)
        else:
            while len(self._prefetched) <= self.workers:
                self._prefetched.append(self._pool.submit(self._load_batch, *self._get_position_after(len(self._prefetched))))
            batch, found = self._prefetched.popleft().result()
        if found:  # counted in the order of the batches, not in that in which threads read the files
            self.bad_files |= {file: reason for file, reason in found.items() if file not in self.bad_files}
            refuse_too_many(self.bad_files, len(self.dataset.items))
        self._epoch, self._index = self._get_position_after(1)
        return batch

    def get_batch(self, epoch: int, index: int) -> Batch:
        """Return the batch at any position; the position of the loader does not change."""
        return self._load_batch(epoch, index)[0]

    def _load_batch(self, epoch: int, index: int) -> tuple[Batch, dict[str, str]]:
        """Return the batch at a position, and the files that could not be read for it, with the reasons."""
        share, found = self.batch // self.world, dict[str, str]()
        start = index * self.batch + self.rank * share
        loaded = {
            name: [self._images.load(row, changes, name, epoch, found) for row, changes in self._select_rows(name, epoch, start, share)]
            for name in self._groups
        }
        rows = [each for group in loaded.values() for each in group]
        batch: Batch = {"file": [self.dataset.items[each.row].file for each in rows]}
        if self._arrangement.has_domains:
            batch[IMAGES] = {name: self._stack(group) for name, group in loaded.items()}
            return batch, found
        batch["image"] = self._stack(rows)
        batch |= self._load_references(epoch, range(start, start + share), rows, found)
        if self._labels is not None and (self.kind is None or self.kind.label != "none"):
            batch["label"] = self._labels[torch.tensor([each.row for each in rows])]
        if self._arrangement.has_targets:
            batch["target"] = self._stack(rows, is_target=True)
        return batch, found

    def _load_references(self, epoch: int, positions: Sequence[int], rows: Sequence[Loaded], found: dict[str, str]) -> Batch:
        """Return the reference images of the rows at some positions of an epoch; nothing if the batch kind has none."""
        if self._references is None or self.kind is None:
            return {}
        chosen = []
        for position, loaded in zip(positions, rows, strict=True):
            generator = torch.Generator().manual_seed(make_seed(self.seed, epoch, position, "reference"))
            references = self._references.choose(loaded.row, self.kind.references, generator)
            flips = ((torch.rand(len(references), generator=generator) < 0.5) & self._flip).tolist()
            places = torch.rand(len(references), 2, generator=generator).tolist()
            augmentations = [Augmentation(flip, (y, x)) for flip, (y, x) in zip(flips, places, strict=True)]
            pairs = zip(references, augmentations, strict=True)
            chosen.append([self._images.load(row, changes, "", epoch, found, with_same_label=True) for row, changes in pairs])
        names = ("reference", "second_reference")[: self.kind.references]
        batch: Batch = {name: self._stack([row[index] for row in chosen]) for index, name in enumerate(names)}
        if self._labels is not None and self.kind.label != "none":
            batch["reference_label"] = self._labels[torch.tensor([row[0].row for row in chosen])]
        return batch

    def _stack(self, rows: Sequence[Loaded], is_target: bool = False) -> Tensor:
        images = [each.image if each.target is None or not is_target else each.target for each in rows]
        for image, each in zip(images, rows, strict=True):
            if image.shape != images[0].shape:
                first, other = ("x".join(map(str, shape)) for shape in (images[0].shape[-2:], image.shape[-2:]))
                files = [self.dataset.items[row].file for row in (rows[0].row, each.row)]
                raise DataError(
                    f'All images of a batch must have the same size, but "{files[0]}" is {first} and "{files[1]}" is {other}. Use '
                    "a transform that resizes them."
                )
        return torch.stack(images)

    def _get_position_after(self, count: int) -> tuple[int, int]:
        epochs, index = divmod(self._index + count, self.batches_per_epoch)
        return self._epoch + epochs, index

    def _select_rows(self, name: str, epoch: int, start: int, count: int) -> list[tuple[int, Augmentation]]:
        order, augmentations = self._get_order(name, epoch)
        group = self._groups[name]
        return [(group[order[position]], augmentations[position]) for position in range(start, start + count)]

    def _get_order(self, name: str, epoch: int) -> tuple[list[int], list[Augmentation]]:
        with self._lock:
            if (epoch, name) not in self._orders:
                needed, count = self.batches_per_epoch * self.batch, len(self._groups[name])
                generator = torch.Generator().manual_seed(make_seed(self.seed, epoch, name))
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
