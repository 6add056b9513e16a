"""The built-in faces as a data set: labels, splits by identity, and the true image of every change of attributes."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from i2ikit.core.arguments import sides, whole
from i2ikit.core.domain import NO, YES, Attribute, DomainSpec, LabelSet
from i2ikit.core.specs import ImageSpec
from i2ikit.data.dataset import SPLITS, Item, Origin
from i2ikit.data.faces.identity import FACES, sample_identities, sample_rows
from i2ikit.data.faces.views import REDUCTION, VIEWS, draw_faces
from i2ikit.errors import LabelError, OptionError, UnknownNameError

_BLOCK = 64  # neighbouring faces that are drawn at once and cached together
OTHER = "other"  # the domain of all values except one
_CACHE_BYTES = 1 << 30
MAX_COUNT, MAX_SIZE = 1_000_000, 4096
"""Of faces, and pixels a side: more than fits in the memory of most machines."""


class FacesDataset:
    """Faces that are drawn when they are read; each item has its own identity. See :class:`i2ikit.data.Dataset`.

    Face i and its split are the same for every ``count``, so that test faces of one data set are never training faces of a larger one.

    Args:
        count: Number of faces.
        seed: Another seed gives other faces.
        size: Height and width of the images in pixels, as one number or two.
        labels: The attributes to use as labels; the default is all.
        hats: Whether about half of the faces have a hat, which hides much of the hair. Without hats there is no label "hat".
        partial: Whether to hide the first label set of one half of the training faces, and the second label set of the other half.
        val: Share of the faces in the split "val".
        test: Share of the faces in the split "test".
        view: The view of the images, one of ``i2ikit.data.faces.VIEWS``.
        target: The view of the target images of pairs; None gives labelled data.
        domains: Gives unpaired data. An attribute, such as "hair": its values are the domains. Or a value, such as "neutral": it is
            one domain, and all other values are the domain "other", in which many targets of one image are plausible.

    Raises:
        OptionError: A count, size or share is out of range, or two options exclude each other.
        UnknownNameError: There is no such label, view or domain.
    """

    batch_kind: str
    bits = 8
    name = "faces"

    def __init__(
        self,
        count: int = 3000,
        *,
        seed: int = 0,
        size: int | Sequence[int] = 64,
        labels: Sequence[str] | None = None,
        hats: bool = True,
        partial: bool = False,
        val: float = 0.05,
        test: float = 0.1,
        view: str = "image",
        target: str | None = None,
        domains: str | None = None,
    ) -> None:
        whole(1, MAX_COUNT)("count", count)
        sides("size", size)
        height, width = (size, size) if isinstance(size, int) else (size[0], size[-1])
        if max(height, width) > MAX_SIZE:
            raise OptionError(f"size is {height}x{width}; faces have at most {MAX_SIZE} pixels a side.")
        if val < 0 or test < 0 or val + test >= 1:
            raise OptionError(f"val and test must be shares of at least 0 with a sum below 1; found val={val} and test={test}.")
        for each in (view, target or view):
            if each not in VIEWS:
                raise UnknownNameError("view of a face", each, VIEWS)
        if domains and (target or labels is not None or partial):
            raise OptionError(
                f"The faces do not support domains={domains} together with target, labels or partial. Leave out one of the two."
            )
        self.batch_kind = "unpaired" if domains else "paired" if target else "labelled"
        self.domain = _make_domains(domains) if domains else DomainSpec() if target else _make_label_domain(labels, hats)
        self.seed, self.height, self.width, self.view, self.target_view = seed, height, width, view, target
        self.image, self.source = _make_image_spec(target or view, height, width), _make_image_spec(view, height, width)
        self.notes: tuple[str, ...] = ("One label set of each training face is hidden.",) if partial else ()
        self.origin: Origin | None = None
        self._rows = sample_rows(seed, range(count)) if hats else [{**row, "hat": "no"} for row in sample_rows(seed, range(count))]
        self._blocks: dict[tuple[int, str], Tensor] = {}
        self.items = self._make_items(partial, val, test)
        self.splits = tuple(each for each in SPLITS if any(item.split == each for item in self.items))

    def __len__(self) -> int:
        return len(self.items)

    def split(self, name: str) -> FacesDataset:
        """Return a data set of the items of one split, or raise UnknownNameError."""
        if name not in self.splits:
            raise UnknownNameError(f'split of "{self.name}"', name, self.splits)
        return self.select([item for item in self.items if item.split == name])

    def select(self, items: Sequence[Item]) -> FacesDataset:
        """Return a data set of some of the items, which shares the cache of images."""
        selected = copy.copy(self)
        selected.items, selected.origin = tuple(items), None
        selected.splits = tuple(each for each in SPLITS if any(item.split == each for item in items))
        return selected

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1]."""
        return self._read([item], self.view)[0]

    def read_many(self, items: Sequence[Item]) -> Tensor:
        """Return the images of several items [B C H W]."""
        return self._read(items, self.view)

    def read_target(self, item: Item) -> Tensor | None:
        """Return the target image of a pair [C H W], or None if the data is not paired."""
        return self._read([item], self.target_view)[0] if self.target_view else None

    def encode_label(self, item: Item) -> list[float]:
        """Return the label [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image [C H W] after a change of attributes, which need not be labels; for pairs, the target.

        There is no single true image in the domain "other", so the result is None.
        """
        return self.find_targets([item], [change])[0]

    def find_targets(self, items: Sequence[Item], changes: Sequence[Mapping[str, object]]) -> list[Tensor | None]:
        """Return the true image [C H W], or None, after one change for each item; for pairs, the targets.

        Raises:
            UnknownNameError: Faces do not have an attribute or a value.
            LabelError: The value of a binary attribute is neither yes nor no.
        """
        if self.target_view:
            return list(self._read(items, self.target_view))
        known = [index for index, change in enumerate(changes) if OTHER not in change.values()]
        rows = [
            {
                **self.true_row(items[index]),
                **{name: _format_value(FACES.attribute(name), value) for name, value in changes[index].items()},
            }
            for index in known
        ]
        found: list[Tensor | None] = [None] * len(items)
        if known:
            identities = sample_identities(self.seed, [_parse_index(items[index]) for index in known])
            for index, image in zip(known, draw_faces(identities, rows, self.height, self.width, self.view), strict=True):
                found[index] = image
        return found

    def true_row(self, item: Item) -> dict[str, str]:
        """Return the value of every attribute of a face, including hidden ones."""
        return dict(self._rows[_parse_index(item)])

    def fingerprint(self) -> str:
        """Return a hash of the options, files, labels, and a few small images."""
        listing = [[item.file, item.split, dict(item.row)] for item in self.items]
        labels = {name: value for name, value in self.domain.to_dict().items() if name != "none"}
        options = [self.seed, self.height, self.width, self.view, self.target_view, labels, listing]
        images = draw_faces(sample_identities(self.seed, range(4)), sample_rows(self.seed, range(4)), 24, 24)
        pixels = images.add(1.0).mul(127.5).round().byte().numpy().tobytes()
        return hashlib.sha256(json.dumps(options).encode() + pixels).hexdigest()

    def _make_items(self, partial: bool, val: float, test: float) -> tuple[Item, ...]:
        items: list[Item] = []
        remaining = trained = 0
        for index, row in enumerate(self._rows):
            split = "test" if _is_in_share(index, test) else "val" if _is_in_share(remaining, val / (1.0 - test)) else "train"
            remaining += split != "test"
            values: dict[str, str | None] = {each.name: _format_label(each, row[each.name]) for each in self.domain.attributes}
            if partial and split == "train" and len(self.domain.sets) > 1:
                values.update({each.name: None for each in self.domain.sets[trained % 2].attributes})
            trained += split == "train"
            file = f"faces/{index:06d}"
            items.append(Item(file, split, values, f"{index:06d}", f"{file}:{self.target_view}" if self.target_view else None))
        return tuple(items)

    def _read(self, items: Sequence[Item], view: str) -> Tensor:
        indices = [_parse_index(item) for item in items]
        images = []
        for index in indices:
            key = (index // _BLOCK, view)
            block = self._blocks.get(key)
            if block is None:
                block = self._draw_block(key, alone=len(set(indices)) == 1)
            if block is None:
                images.append(self._draw(range(index, index + 1), view)[0])
            else:
                images.append(block[index % _BLOCK])
        return torch.stack(images).float().div_(127.5).sub_(1.0)

    def _draw_block(self, key: tuple[int, str], *, alone: bool) -> Tensor | None:
        size = 3 * self.height * self.width * _BLOCK
        if (len(self._blocks) + 1) * size > _CACHE_BYTES and alone:
            return None
        start = key[0] * _BLOCK
        block = self._draw(range(start, min(start + _BLOCK, len(self._rows))), key[1])
        while self._blocks and (len(self._blocks) + 1) * size > _CACHE_BYTES:
            self._blocks.pop(next(iter(self._blocks)), None)
        self._blocks[key] = block
        return block

    def _draw(self, indices: range, view: str) -> Tensor:
        images = draw_faces(sample_identities(self.seed, indices), [self._rows[index] for index in indices], self.height, self.width, view)
        return images.add_(1.0).mul_(127.5).round_().byte()


def _make_domains(name: str) -> DomainSpec:
    """Return the label set of unpaired faces."""
    for attribute in FACES.attributes:
        if name == attribute.name and attribute.values:
            return DomainSpec((LabelSet("domains", (attribute,)),))
        if name in attribute.values:
            return DomainSpec((LabelSet("domains", (Attribute(attribute.name, (name, OTHER)),)),))
    groups = [each.name for each in FACES.attributes if each.values]
    raise UnknownNameError(
        "attribute of the faces, or value of an attribute,", name, [*groups, *(v for each in FACES.attributes for v in each.values)]
    )


def _format_label(attribute: Attribute, value: str) -> str:
    return OTHER if attribute.values and value not in attribute.values else value


def _make_label_domain(labels: Sequence[str] | None, hats: bool) -> DomainSpec:
    if labels is None and hats:
        return FACES
    if labels is None:
        labels = [each.name for each in FACES.attributes if each.name != "hat"]
    if "hat" in labels and not hats:
        raise OptionError('Without hats, the faces do not support the label "hat". Leave out one of the two.')
    if not labels:
        raise OptionError(f"The faces require at least one label. Available: {', '.join(each.name for each in FACES.attributes)}.")
    selected = {FACES.attribute(name).name for name in labels}
    sets = (evolve(part, attributes=tuple(each for each in part.attributes if each.name in selected)) for part in FACES.sets)
    return DomainSpec(tuple(part for part in sets if part.attributes))


def _make_image_spec(view: str, height: int, width: int) -> ImageSpec:
    if view == "low":
        height, width = -(-height // REDUCTION), -(-width // REDUCTION)
    return ImageSpec(1 if view == "sketch" else 3, height, width)


def _is_in_share(index: int, share: float) -> bool:
    """Return whether an index belongs to a share of all indices, which is distributed evenly."""
    return int((index + 1) * share + 1e-9) > int(index * share + 1e-9)


def _parse_index(item: Item) -> int:
    try:
        return int(item.file.rpartition("/")[2])
    except ValueError:
        raise LabelError(f'"{item.file}" is not one of the built-in faces. Expected a name such as "faces/000123".') from None


def _format_value(attribute: Attribute, value: Any) -> str:
    attribute.encode(value)
    text = str(value).strip()
    if attribute.values:
        return text
    if text.lower() not in YES + NO:
        raise LabelError(f'A face is drawn with or without "{attribute.name}"; found "{text}". Write 1 or 0.')
    return "yes" if text.lower() in YES else "no"
