"""The data set protocol, and the data set whose images are files."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from attrs import field, frozen
from torch import Tensor

from i2ikit.core.domain import NO, YES, Attribute, DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.images import Images
from i2ikit.errors import UnknownNameError
from i2ikit.pixels import to_float
from i2ikit.pixels.maps import make_planes

SPLITS = ("train", "val", "test")


@frozen
class Item:
    """One image of a data set.

    Attributes:
        file: Name of the file, relative to the data set.
        split: ``"train"``, ``"val"`` or ``"test"``.
        row: The value of each attribute; None means unknown.
        subject: Identity that does not change when attributes change, such as a person; None if the data does not name it.
        target_file: Name of the target image of a pair.
    """

    file: str
    split: str = "train"
    row: Mapping[str, str | None] = field(factory=dict, hash=False)
    subject: str | None = None
    target_file: str | None = None


@frozen
class Origin:
    """Path and options that a data set was opened with, so that a run can open it again.

    Attributes:
        path: The path as the user wrote it.
        options: The options of :func:`i2ikit.data.open_data`.
    """

    path: str
    options: Mapping[str, Any] = field(factory=dict, hash=False)


class Dataset(Protocol):
    """Images with labels, images of unpaired domains, or pairs of images.

    Attributes:
        name: A short name for messages.
        batch_kind: The arrangement of the files: ``"labelled"``, ``"unpaired"``, ``"paired"`` or ``"images"``.
        domain: The label sets. For ``"unpaired"``, its single group names the domains.
        image: Channels and native size of most images; for pairs, of the targets.
        source: Channels and native size of the images to translate; they differ from ``image`` only for some pairs.
        bits: Bits of a channel: 8 or 16, or 32 for float arrays.
        items: The images in a fixed order; for ``"paired"``, one item for each pair.
        splits: The splits that have items, in the order train, val, test.
        notes: What was chosen automatically, one line each.
    """

    @property
    def name(self) -> str: ...
    @property
    def batch_kind(self) -> str: ...
    @property
    def domain(self) -> DomainSpec: ...
    @property
    def image(self) -> ImageSpec: ...
    @property
    def source(self) -> ImageSpec: ...
    @property
    def bits(self) -> int: ...
    @property
    def items(self) -> tuple[Item, ...]: ...
    @property
    def splits(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def split(self, name: str) -> Dataset:
        """Return a data set of the items of one split, or raise UnknownNameError."""

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size; of a pair, the source. Maps are returned as planes."""

    def read_target(self, item: Item) -> Tensor | None:
        """Return the target image of a pair [C H W] in [-1, 1], or None if the data is not paired."""

    def encode_label(self, item: Item) -> list[float]:
        """Return the label [D]."""

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image [C H W] after a change of attribute values, or None if the data has none."""

    def fingerprint(self) -> str:
        """Return a hash of the files, their sizes and their labels."""


class FileDataset:
    """A data set whose images are files; see :class:`Dataset`.

    Args:
        images: Reads the images.
        items: The images in a fixed order.
        name: A short name for messages.
        batch_kind: The arrangement of the files, as in :class:`Dataset`.
        domain: The label sets.
        image: Channels and native size; for pairs, of the targets.
        source: Channels and native size of the sources of pairs; None means the same as ``image``.
        bits: Bits of a channel.
        notes: What was chosen automatically, one line each.
        warnings: What a training shows: values that are not measured, and how many files are left out, one line each.
        left_out: Names of files that are left out, by cause.
    """

    def __init__(
        self,
        images: Images,
        items: Sequence[Item],
        *,
        name: str,
        batch_kind: str,
        domain: DomainSpec,
        image: ImageSpec,
        source: ImageSpec | None = None,
        bits: int = 8,
        notes: Sequence[str] = (),
        warnings: Sequence[str] = (),
        left_out: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.images, self.items, self.notes, self.warnings = images, tuple(items), tuple(notes), tuple(warnings)
        self.name, self.batch_kind, self.domain, self.image, self.bits = name, batch_kind, domain, image, bits
        self.source, self.left_out = source or image, dict(left_out or {})
        self.origin: Origin | None = None  # None for a part of a data set: its path and options would open all of it
        present = {item.split for item in self.items}
        self.splits = tuple(each for each in SPLITS if each in present)

    def __len__(self) -> int:
        return len(self.items)

    def split(self, name: str) -> FileDataset:
        """Return a data set of the items of one split, or raise UnknownNameError."""
        if name not in self.splits:
            raise UnknownNameError(f'split of "{self.name}"', name, self.splits)
        return self.select([item for item in self.items if item.split == name])

    def select(self, items: Sequence[Item]) -> FileDataset:
        """Return a data set of some of the items, which shares the cache of decoded images."""
        names = ("name", "batch_kind", "domain", "image", "source", "bits", "notes", "warnings", "left_out")
        shared: dict[str, Any] = {name: getattr(self, name) for name in names}
        return FileDataset(self.images, items, **shared)

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size; of a pair, the source."""
        pixels = self.images.read_pixels(item.file)
        if self.source.is_picture:
            return to_float(pixels)
        return make_planes(pixels, self.source.content, self.source.channels, item.file)

    def read_target(self, item: Item) -> Tensor | None:
        """Return the target image of a pair [C H W] in [-1, 1], or None if the data is not paired."""
        if item.target_file is None:
            return None
        return to_float(self.images.read_pixels(item.target_file, is_target=True))

    def encode_label(self, item: Item) -> list[float]:
        """Return the label [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the image of the same subject with the changed values, or None if there is none.

        All other known values of the two images are equal. For pairs, the target is returned for any change.
        """
        if get_arrangement(self).has_targets:
            return self.read_target(item)
        target = self.find_target_item(item, change)
        return None if target is None else self.read(target)

    def find_target_item(self, item: Item, change: Mapping[str, object]) -> Item | None:
        """Return the item whose image :meth:`find_target` returns, or None."""
        values = {name: _format_value(self.domain.attribute(name), value) for name, value in change.items()}
        if item.subject is None:
            return None
        values = {**{name: value for name, value in item.row.items() if value is not None}, **values}
        for other in self._items_by_subject[item.subject]:
            if all(other.row.get(name) == value for name, value in values.items()):
                return other
        return None

    def fingerprint(self, sizes: Mapping[str, int] | None = None) -> str:
        """Return a hash of the files, their sizes and their labels.

        Args:
            sizes: Sizes of files that count instead of the present ones, such as of a file that was repaired.
        """
        known = sizes or {}
        labels = {name: value for name, value in self.domain.to_dict().items() if name != "none"}  # as before there were such attributes
        digest = hashlib.sha256(repr((self.batch_kind, labels, self.images.reading)).encode())
        if not self.source.is_picture:
            digest.update(repr((self.source.content, self.source.channels)).encode())
        if self.images.reading.random_crop:
            digest.update(b"random crop")
        if self.images.reading.values is not None:
            digest.update(repr(self.images.reading.values).encode())
        for item in self.items:
            files = [item.file] + [item.target_file] * (item.target_file is not None)
            counted = [known[str(file)] if file in known else self.images.source.size(str(file)) for file in files]
            digest.update(repr((item.file, item.split, sorted(item.row.items()), item.subject, item.target_file, counted)).encode())
        return digest.hexdigest()

    @cached_property
    def _items_by_subject(self) -> Mapping[str, list[Item]]:
        subjects: defaultdict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            if item.subject is not None:
                subjects[item.subject].append(item)
        return subjects


def _format_value(attribute: Attribute, value: object) -> str:
    attribute.encode(value)  # raises an error for a value that the attribute does not have
    text = str(value).strip()
    if attribute.values or text.lower() not in YES + NO:
        return text  # a soft label is the value of no image
    return "yes" if text.lower() in YES else "no"
