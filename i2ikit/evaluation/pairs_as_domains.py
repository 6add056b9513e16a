"""Reads paired data as two domains, for the evaluation classifier and for models of two domains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from torch import Tensor

from i2ikit.core.batch_kinds import UNPAIRED
from i2ikit.core.domain import DomainSpec
from i2ikit.data import Dataset, Item
from i2ikit.evaluation.targets import PAIRED

SOURCE, TARGET = "source", "target"
TARGET_ENDING = ":second"
"""Added to the file name of a pair for the item of its target."""


class PairsAsDomains:
    """A data set of two domains made from pairs: the sources are one domain, the targets the other; see :class:`i2ikit.data.Dataset`.

    Args:
        pairs: A data set of pairs.
        attribute: The name of the attribute that has the two domains as values.
        values: The names of the domain of the sources and of the domain of the targets.
    """

    batch_kind = UNPAIRED.data

    def __init__(self, pairs: Dataset, attribute: str = PAIRED, values: Sequence[str] = (SOURCE, TARGET)) -> None:
        self.pairs, self.attribute, self.values = pairs, attribute, (values[0], values[1])
        self.name, self.image, self.source, self.bits, self.notes = pairs.name, pairs.image, pairs.image, pairs.bits, pairs.notes
        self.domain = DomainSpec.parse({attribute: self.values})
        self.splits = pairs.splits
        self._pair_by_file = {item.file: item for item in pairs.items}
        self.items = tuple(
            Item(f"{item.file}{ending}", item.split, {attribute: value}, item.file)
            for ending, value in zip(("", TARGET_ENDING), self.values, strict=True)
            for item in pairs.items
        )

    def split(self, name: str) -> Dataset:
        """Return the items of one split, or raise UnknownNameError."""
        return PairsAsDomains(self.pairs.split(name), self.attribute, self.values)

    def read(self, item: Item) -> Tensor:
        """Return the image [C, H, W], float32 in [-1, 1], at its native size."""
        return self._read_side(item, str(item.row[self.attribute]))

    def read_target(self, item: Item) -> Tensor | None:
        """Return None: the items are single images."""

    def encode_label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the image of the pair that belongs to the requested domain, or None if the change requests no domain."""
        value = change.get(self.attribute)
        return None if value is None else self._read_side(item, str(value))

    def fingerprint(self) -> str:
        """Return a hash of the pairs and the names of the domains."""
        return hashlib.sha256(repr(("sides", self.attribute, self.values, self.pairs.fingerprint())).encode()).hexdigest()

    def _read_side(self, item: Item, value: str) -> Tensor:
        pair = self._pair_by_file[str(item.subject)]
        if value == self.values[0]:
            return self.pairs.read(pair)
        found = self.pairs.read_target(pair)
        assert found is not None  # every item of paired data has a target
        return found
