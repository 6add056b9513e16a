"""What a data set is, and the one that lies in files."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from attrs import field, frozen
from torch import Tensor

from i2ikit.core.domain import YES, Attribute, DomainSpec
from i2ikit.core.specs import ImageSpec
from i2ikit.data.source import Source
from i2ikit.errors import DataError, UnknownNameError
from i2ikit.pixels import Pixels, composite, decode, mode_name, to_float, to_tensor, with_channels

SPLITS = ("train", "val", "test")
CACHE_BYTES = 1 << 30
"""How many bytes of decoded images one data set keeps in memory."""


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
        image: The native channels and size, that of most images.
        bits: 8 or 16 a channel; 32 for float arrays.
        items: In a fixed order; for ``"paired"`` one item a pair.
        splits: Those that have items, in the order train, val, test.
        notes: What was chosen on the reader's behalf, one line each.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def domain(self) -> DomainSpec: ...
    @property
    def image(self) -> ImageSpec: ...
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

    def truth(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image [C H W] after a change of attributes, or None where the data has none."""

    def fingerprint(self) -> str:
        """Return a hash of the files, their sizes and their labels."""


@frozen
class Reading:
    """How pixels are read.

    Attributes:
        background: The colour behind transparent pixels; None keeps alpha as a channel.
        channels: How many channels to give; None takes those of the files, which must then be equal.
        crop: Height and width of a centred window, or None.
        glued: ``"AB"`` reads the left half as the image and the right half as its target, ``"BA"`` the other way round.
    """

    background: str | None = None
    channels: int | None = None
    crop: tuple[int, int] | None = None
    glued: str = ""


class Images:
    """Decoded images of one source, kept in memory up to :data:`CACHE_BYTES`."""

    def __init__(self, source: Source, reading: Reading, budget: int = CACHE_BYTES) -> None:
        self.source, self.reading = source, reading
        self.channels = reading.channels or 0
        self._kept: dict[tuple[str, bool], Tensor] = {}
        self._left = budget
        self._lock = threading.Lock()

    def pixels(self, file: str, second: bool = False) -> Tensor:
        """Return stored pixels [C H W] as integers (or float32 of a float array), or raise DataError."""
        kept = self._kept.get((file, second))
        if kept is not None:
            return kept
        array = self.shape(decode(self.source.read(file), file), file, second)
        if self.channels and array.shape[2] != self.channels:
            have, most = mode_name(array.shape[2]), mode_name(self.channels)
            raise DataError(
                f'Image "{file}" is {have} while the data set is {most}. Say how: background="white" blends alpha, channels=3 repeats gray.'
            )
        tensor = to_tensor(array)
        with self._lock:
            if tensor.nbytes <= self._left and (file, second) not in self._kept:
                self._kept[file, second] = tensor
                self._left -= tensor.nbytes
        return tensor

    def shape(self, pixels: Pixels, file: str, second: bool = False) -> Pixels:
        """Return pixels [H W C] after half, background, channels and crop."""
        reading = self.reading
        if reading.glued:
            width = pixels.shape[1]
            if width % 2:
                raise DataError(f'Image "{file}" is {width} pixels wide, which cannot be halved into a pair.')
            right = second == (reading.glued == "AB")
            pixels = pixels[:, width // 2 :] if right else pixels[:, : width // 2]
        if reading.background is not None:
            pixels = composite(pixels, reading.background)
        if reading.channels is not None:
            pixels = with_channels(pixels, reading.channels, file)
        if reading.crop is not None:
            pixels = _centre(pixels, reading.crop, file)
        return pixels


class FileDataset:
    """A data set whose images are files; see :class:`Dataset`.

    Args:
        images: Where and how to read.
        items: In their order.
        name: A short name for people.
        kind: ``"labelled"``, ``"unpaired"`` or ``"paired"``.
        domain: The label sets.
        image: The native channels and size.
        bits: A channel.
        notes: What was chosen on the reader's behalf.
    """

    def __init__(
        self,
        images: Images,
        items: Sequence[Item],
        *,
        name: str,
        kind: str,
        domain: DomainSpec,
        image: ImageSpec,
        bits: int = 8,
        notes: Sequence[str] = (),
    ) -> None:
        self.images, self.items, self.notes = images, tuple(items), tuple(notes)
        self.name, self.kind, self.domain, self.image, self.bits = name, kind, domain, image, bits
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
        return FileDataset(
            self.images, items, name=self.name, kind=self.kind, domain=self.domain, image=self.image, bits=self.bits, notes=self.notes
        )

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""
        return to_float(self.images.pixels(item.file))

    def target(self, item: Item) -> Tensor | None:
        """Return the second image of a pair [C H W] in [-1, 1], or None."""
        if item.partner is None:
            return None
        return to_float(self.images.pixels(item.partner, second=bool(self.images.reading.glued)))

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""
        return self.domain.encode(item.row)

    def truth(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the image of the same subject with the changed and otherwise the same known values, or None where there is none.

        For pairs it is the target, whatever the change.
        """
        if self.kind == "paired":
            return self.target(item)
        other = self.twin(item, change)
        return None if other is None else self.read(other)

    def twin(self, item: Item, change: Mapping[str, object]) -> Item | None:
        """Return the item that :meth:`truth` shows."""
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
        digest = hashlib.sha256(repr((self.kind, self.domain.declaration(), self.images.reading)).encode())
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


def _centre(pixels: Pixels, crop: tuple[int, int], file: str) -> Pixels:
    height, width = pixels.shape[:2]
    if crop[0] > height or crop[1] > width:
        raise DataError(f'Image "{file}" is {height}x{width}, smaller than the crop of {crop[0]}x{crop[1]}. Crop less.')
    top, left = round((height - crop[0]) / 2), round((width - crop[1]) / 2)
    return pixels[top : top + crop[0], left : left + crop[1]]


def native(images: Images, files: Sequence[str]) -> tuple[ImageSpec, int]:
    """Return channels and size of most of a sample of files, and the largest bits; damaged files are left to the reader that needs them."""
    shapes: list[tuple[int, int, int]] = []
    bits = 8
    problem: DataError | None = None
    step = max(1, len(files) // 16)
    for file in files[::step]:
        try:
            array = images.shape(decode(images.source.read(file), file), file)
        except DataError as cause:
            problem = problem or cause
            continue
        shapes.append((array.shape[2], array.shape[0], array.shape[1]))
        bits = max(bits, array.dtype.itemsize * 8)
    if not shapes:
        raise problem or DataError("There are no images.")
    channels, height, width = max(dict.fromkeys(shapes), key=shapes.count)
    return ImageSpec(channels, height, width), bits
