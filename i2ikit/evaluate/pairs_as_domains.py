"""Pairs seen as two domains: what a classifier learns to tell apart, and what a model of domains is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from torch import Tensor

from i2ikit.core.domain import DomainSpec
from i2ikit.data import Dataset, Item
from i2ikit.evaluate.targets import PAIRED

SOURCE, TARGET = "source", "target"
MARK = ":second"


class Sides:
    """Every pair as two images, the source in one domain and its target in the other; see :class:`i2ikit.data.Dataset`.

    Args:
        pairs: A data set of kind ``"paired"``.
        attribute: What the two domains are called together.
        values: The domain of the sources and that of the targets.
    """

    batch_kind = "unpaired"

    def __init__(self, pairs: Dataset, attribute: str = PAIRED, values: Sequence[str] = (SOURCE, TARGET)) -> None:
        self.pairs, self.attribute, self.values = pairs, attribute, (values[0], values[1])
        self.name, self.image, self.source, self.bits, self.notes = pairs.name, pairs.image, pairs.image, pairs.bits, pairs.notes
        self.domain = DomainSpec.parse({attribute: self.values})
        self.splits = pairs.splits
        self._whole = {item.file: item for item in pairs.items}
        self.items = tuple(
            Item(f"{item.file}{mark}", item.split, {attribute: value}, item.file)
            for mark, value in zip(("", MARK), self.values, strict=True)
            for item in pairs.items
        )

    def split(self, name: str) -> Dataset:
        """Return the items of one split, or raise UnknownNameError."""
        return Sides(self.pairs.split(name), self.attribute, self.values)

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""
        return self._side(item, str(item.row[self.attribute]))

    def target(self, item: Item) -> Tensor | None:
        """Return None: the two sides are apart."""

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D]."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the other image of the pair where the change asks for it."""
        value = change.get(self.attribute)
        return None if value is None else self._side(item, str(value))

    def fingerprint(self) -> str:
        """Return a hash of the pairs and of how they are named."""
        return hashlib.sha256(repr(("sides", self.attribute, self.values, self.pairs.fingerprint())).encode()).hexdigest()

    def _side(self, item: Item, value: str) -> Tensor:
        pair = self._whole[str(item.subject)]
        if value == self.values[0]:
            return self.pairs.read(pair)
        found = self.pairs.target(pair)
        assert found is not None  # every item of paired data has a partner
        return found
