"""What a data set is, and the one that lies in files."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from attrs import field, frozen
from torch import Tensor

from i2ikit.core.domain import YES, Attribute, DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data.images import Images
from i2ikit.errors import UnknownNameError
from i2ikit.pixels import to_float

SPLITS = ("train", "val", "test")


@frozen
class Item:
    """One image of a data set.

    Attributes:
        file: Its name, relative to the data set.
        split: ``"train"``, ``"val"`` or ``"test"``.
        row: The value of each attribute, None where it is unknown.
        subject: What stays the same when attributes change, where the data says so.
        partner: The name of the target image of a pair.
    """

    file: str
    split: str = "train"
    row: Mapping[str, str | None] = field(factory=dict, hash=False)
    subject: str | None = None
    partner: str | None = None


@frozen
class Origin:
    """How a data set was opened, so that a run can open it again.

    Attributes:
        path: As the user wrote it.
        options: Of :func:`i2ikit.data.open_data`.
    """

    path: str
    options: Mapping[str, Any] = field(factory=dict, hash=False)


class Dataset(Protocol):
    """Images with labels, without pairs, or in pairs.

    Attributes:
        name: A short name for people.
        kind: ``"labelled"``, ``"unpaired"`` or ``"paired"``.
        domain: The label sets; for ``"unpaired"`` its one group names the domains.
        image: The native channels and size, that of most images; of pairs, that of the targets.
        source: The same of the images that are translated: those of ``image``, but for pairs of unlike images.
        bits: 8 or 16 a channel; 32 for float arrays.
        items: In a fixed order; for ``"paired"`` one item a pair.
        splits: Those that have items, in the order train, val, test.
        notes: What was chosen on the reader's behalf, one line each.
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
        """Return the items of one split, or raise UnknownNameError."""

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""

    def target(self, item: Item) -> Tensor | None:
        """Return the second image of a pair [C H W] in [-1, 1], or None."""

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image [C H W] after a change of attributes, or None where the data has none."""

    def fingerprint(self) -> str:
        """Return a hash of the files, their sizes and their labels."""


class FileDataset:
    """A data set whose images are files; see :class:`Dataset`.

    Args:
        images: Where and how to read.
        items: In their order.
        name: A short name for people.
        kind: ``"labelled"``, ``"unpaired"`` or ``"paired"``.
        domain: The label sets.
        image: The native channels and size.
        source: Those of the first images of pairs; ``image`` where None.
        bits: A channel.
        notes: What was chosen on the reader's behalf.
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
    ) -> None:
        self.images, self.items, self.notes = images, tuple(items), tuple(notes)
        self.name, self.batch_kind, self.domain, self.image, self.bits = name, batch_kind, domain, image, bits
        self.source = source or image
        self.origin: Origin | None = None  # a part of a data set has none: it could not be opened again as it is
        present = {item.split for item in self.items}
        self.splits = tuple(each for each in SPLITS if each in present)

    def __len__(self) -> int:
        return len(self.items)

    def split(self, name: str) -> FileDataset:
        """Return the items of one split, or raise UnknownNameError."""
        if name not in self.splits:
            raise UnknownNameError(f'split of "{self.name}"', name, self.splits)
        return self.keep([item for item in self.items if item.split == name])

    def keep(self, items: Sequence[Item]) -> FileDataset:
        """Return the same data set with these items only; decoded images are shared."""
        kept: dict[str, Any] = {each: getattr(self, each) for each in ("name", "batch_kind", "domain", "image", "source", "bits", "notes")}
        return FileDataset(self.images, items, **kept)

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""
        return to_float(self.images.pixels(item.file))

    def target(self, item: Item) -> Tensor | None:
        """Return the second image of a pair [C H W] in [-1, 1], or None."""
        if item.partner is None:
            return None
        return to_float(self.images.pixels(item.partner, second=True))

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the image of the same subject with the changed and otherwise the same known values, or None where there is none.

        For pairs it is the target, whatever the change.
        """
        if self.batch_kind == "paired":
            return self.target(item)
        other = self.twin(item, change)
        return None if other is None else self.read(other)

    def twin(self, item: Item, change: Mapping[str, object]) -> Item | None:
        """Return the item that :meth:`find_target` shows."""
        wanted = {name: _text(self.domain.attribute(name), value) for name, value in change.items()}
        if item.subject is None:
            return None
        wanted = {**{name: value for name, value in item.row.items() if value is not None}, **wanted}
        for other in self._subjects[item.subject]:
            if all(other.row.get(name) == value for name, value in wanted.items()):
                return other
        return None

    def fingerprint(self) -> str:
        """Return a hash of the files, their sizes and their labels."""
        digest = hashlib.sha256(repr((self.batch_kind, self.domain.declaration(), self.images.reading)).encode())
        for item in self.items:
            files = [item.file] + [item.partner] * (item.partner is not None)
            sizes = [self.images.source.size(str(file)) for file in files]
            digest.update(repr((item.file, item.split, sorted(item.row.items()), item.subject, item.partner, sizes)).encode())
        return digest.hexdigest()

    @cached_property
    def _subjects(self) -> Mapping[str, list[Item]]:
        subjects: defaultdict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            if item.subject is not None:
                subjects[item.subject].append(item)
        return subjects


def _text(attribute: Attribute, value: object) -> str:
    attribute.encode(value)
    text = str(value).strip()
    return text if attribute.values else ("yes" if text.lower() in YES else "no")
