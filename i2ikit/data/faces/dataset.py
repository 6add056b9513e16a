"""The drawn faces as a data set: labels, splits by identity, and the true image of every change."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from i2ikit.core.domain import YES, Attribute, DomainSpec, LabelSet
from i2ikit.core.specs import ImageSpec
from i2ikit.data.dataset import SPLITS, Item, Origin
from i2ikit.data.faces.identity import FACES, identities, rows
from i2ikit.data.faces.views import REDUCTION, VIEWS, draw
from i2ikit.errors import LabelError, OptionError, UnknownNameError

_BLOCK = 64  # faces drawn together when one of them is read
OTHER = "other"  # the domain of all values but one
_BUDGET = 1 << 30  # bytes of drawings that are kept


class FacesDataset:
    """Faces drawn on demand, one identity an item; see :class:`i2ikit.data.Dataset`.

    Face i is the same for every ``count``, and so is its split: a face that was tested on is never trained on in a larger set.

    Args:
        count: How many faces.
        seed: Other seeds give other people.
        size: The side of the picture in pixels, or height and width.
        labels: The attributes that are told, in the order of ``FACES``; all by default.
        hats: Whether about half of the people wear a hat, which hides much of their hair; without hats that label is not there.
        partial: Hides the first label set of one half of the training faces and the second of the other half.
        val: The share of faces in the split "val".
        test: The share of faces in the split "test".
        view: What is read, one of ``i2ikit.data.faces.VIEWS``.
        target: The view that is the target of a pair; None gives labelled data, without targets.
        domains: Gives unpaired data: the group whose values are the domains, such as "hair"; or one value against all others of its
            group, such as "neutral", whose other domain is called "other" and holds many plausible answers.

    Raises:
        OptionError: A count, size or share out of range.
        UnknownNameError: A label or view that does not exist.
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
        height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[-1]))
        if count < 1 or height < 1 or width < 1:
            raise OptionError(f"The faces need a count and a size of 1 or more; asked for {count} faces of {height} by {width}.")
        if val < 0 or test < 0 or val + test >= 1:
            raise OptionError(f"The shares of val ({val}) and test ({test}) are 0 or more and leave some faces to train on.")
        for each in (view, target or view):
            if each not in VIEWS:
                raise UnknownNameError("view of a face", each, VIEWS)
        if domains and (target or labels is not None or partial):
            raise OptionError(f"The faces cannot be domains={domains} and pairs, labels or partial at once. Leave out one of the two.")
        self.batch_kind = "unpaired" if domains else "paired" if target else "labelled"
        self.domain = _domains(domains) if domains else DomainSpec() if target else _chosen(labels, hats)
        self.seed, self.height, self.width, self.view, self.target_view = seed, height, width, view, target
        self.image, self.source = _spec(target or view, height, width), _spec(view, height, width)
        self.notes: tuple[str, ...] = ("one label set is hidden for each training face",) if partial else ()
        self.origin: Origin | None = None
        self._rows = rows(seed, range(count)) if hats else [{**row, "hat": "no"} for row in rows(seed, range(count))]
        self._blocks: dict[tuple[int, str], Tensor] = {}
        self.items = self._itemise(partial, val, test)
        self.splits = tuple(each for each in SPLITS if any(item.split == each for item in self.items))

    def __len__(self) -> int:
        return len(self.items)

    def split(self, name: str) -> FacesDataset:
        """Return the items of one split, or raise UnknownNameError."""
        if name not in self.splits:
            raise UnknownNameError(f'split of "{self.name}"', name, self.splits)
        return self.keep([item for item in self.items if item.split == name])

    def keep(self, items: Sequence[Item]) -> FacesDataset:
        """Return the same data set with these items only; drawings are shared."""
        kept = copy.copy(self)
        kept.items, kept.origin = tuple(items), None
        kept.splits = tuple(each for each in SPLITS if any(item.split == each for item in items))
        return kept

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1]."""
        return self._read([item], self.view)[0]

    def read_many(self, items: Sequence[Item]) -> Tensor:
        """Return the images of items [B C H W]."""
        return self._read(items, self.view)

    def target(self, item: Item) -> Tensor | None:
        """Return the other view of a pair [C H W], or None for labelled data."""
        return self._read([item], self.target_view)[0] if self.target_view else None

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image [C H W] after a change of attributes, also of those that are not told; for pairs the target.

        A domain of many answers has none that is the true one.
        """
        if OTHER in change.values():
            return None
        return self.find_targets([item], [change])[0]

    def find_targets(self, items: Sequence[Item], changes: Sequence[Mapping[str, object]]) -> Tensor:
        """Return the true images [B C H W] after one change per item, for pairs the targets.

        Raises:
            UnknownNameError: An attribute or value that faces do not have.
            LabelError: A yes-or-no attribute got neither.
        """
        if self.target_view:
            return self._read(items, self.target_view)
        wanted = [
            {**self.true_row(item), **{name: _text(FACES.attribute(name), value) for name, value in change.items()}}
            for item, change in zip(items, changes, strict=True)
        ]
        return draw(identities(self.seed, [_index(item) for item in items]), wanted, self.height, self.width, self.view)

    def true_row(self, item: Item) -> dict[str, str]:
        """Return the value of every attribute of a face, hidden or not."""
        return dict(self._rows[_index(item)])

    def fingerprint(self) -> str:
        """Return a hash of what is drawn: options, files, labels, and a few small pictures."""
        told = [[item.file, item.split, dict(item.row)] for item in self.items]
        options = [self.seed, self.height, self.width, self.view, self.target_view, self.domain.declaration(), told]
        few = draw(identities(self.seed, range(4)), rows(self.seed, range(4)), 24, 24)
        pixels = few.add(1.0).mul(127.5).round().byte().numpy().tobytes()
        return hashlib.sha256(json.dumps(options).encode() + pixels).hexdigest()

    def _itemise(self, partial: bool, val: float, test: float) -> tuple[Item, ...]:
        items: list[Item] = []
        rest = trained = 0
        for index, row in enumerate(self._rows):
            split = "test" if _due(index, test) else "val" if _due(rest, val / (1.0 - test)) else "train"
            rest += split != "test"
            told: dict[str, str | None] = {each.name: _told(each, row[each.name]) for each in self.domain.attributes}
            if partial and split == "train" and len(self.domain.sets) > 1:
                told.update({each.name: None for each in self.domain.sets[trained % 2].attributes})
            trained += split == "train"
            file = f"faces/{index:06d}"
            items.append(Item(file, split, told, f"{index:06d}", f"{file}:{self.target_view}" if self.target_view else None))
        return tuple(items)

    def _read(self, items: Sequence[Item], view: str) -> Tensor:
        indices = [_index(item) for item in items]
        pictures = []
        for index in indices:
            key = (index // _BLOCK, view)
            block = self._blocks.get(key)
            if block is None:
                block = self._draw_block(key, alone=len(set(indices)) == 1)
            if block is None:
                pictures.append(self._draw(range(index, index + 1), view)[0])
            else:
                pictures.append(block[index % _BLOCK])
        return torch.stack(pictures).float().div_(127.5).sub_(1.0)

    def _draw_block(self, key: tuple[int, str], *, alone: bool) -> Tensor | None:
        size = 3 * self.height * self.width * _BLOCK
        if (len(self._blocks) + 1) * size > _BUDGET and alone:
            return None
        start = key[0] * _BLOCK
        block = self._draw(range(start, min(start + _BLOCK, len(self._rows))), key[1])
        while self._blocks and (len(self._blocks) + 1) * size > _BUDGET:
            self._blocks.pop(next(iter(self._blocks)), None)
        self._blocks[key] = block
        return block

    def _draw(self, indices: range, view: str) -> Tensor:
        picture = draw(identities(self.seed, indices), [self._rows[index] for index in indices], self.height, self.width, view)
        return picture.add_(1.0).mul_(127.5).round_().byte()


def _domains(name: str) -> DomainSpec:
    """Return the domains of unpaired faces."""
    for attribute in FACES.attributes:
        if name == attribute.name and attribute.values:
            return DomainSpec((LabelSet("domains", (attribute,)),))
        if name in attribute.values:
            return DomainSpec((LabelSet("domains", (Attribute(attribute.name, (name, OTHER)),)),))
    groups = [each.name for each in FACES.attributes if each.values]
    raise UnknownNameError("group of the faces, or value of one,", name, [*groups, *(v for each in FACES.attributes for v in each.values)])


def _told(attribute: Attribute, value: str) -> str:
    return OTHER if attribute.values and value not in attribute.values else value


def _chosen(labels: Sequence[str] | None, hats: bool) -> DomainSpec:
    if labels is None and hats:
        return FACES
    if labels is None:
        labels = [each.name for each in FACES.attributes if each.name != "hat"]
    if "hat" in labels and not hats:
        raise OptionError('The faces are asked for without hats, and for the label "hat". Leave out one of the two.')
    if not labels:
        raise OptionError(f"The faces need one label or more. Available: {', '.join(each.name for each in FACES.attributes)}.")
    wanted = {FACES.attribute(name).name for name in labels}
    sets = (evolve(part, attributes=tuple(each for each in part.attributes if each.name in wanted)) for part in FACES.sets)
    return DomainSpec(tuple(part for part in sets if part.attributes))


def _spec(view: str, height: int, width: int) -> ImageSpec:
    if view == "low":
        height, width = -(-height // REDUCTION), -(-width // REDUCTION)
    return ImageSpec(1 if view == "sketch" else 3, height, width)


def _due(index: int, share: float) -> bool:
    """Return whether the item at ``index`` is one of an even ``share`` of all."""
    return int((index + 1) * share + 1e-9) > int(index * share + 1e-9)


def _index(item: Item) -> int:
    try:
        return int(item.file.rpartition("/")[2])
    except ValueError:
        raise LabelError(f'"{item.file}" is no drawn face. Its files are called "faces/000123".') from None


def _text(attribute: Attribute, value: Any) -> str:
    attribute.encode(value)
    text = str(value).strip()
    return text if attribute.values else ("yes" if text.lower() in YES else "no")
