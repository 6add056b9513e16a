"""Several data sets under one label vector, each known for its own part (StarGAN, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from torch import Tensor

from i2ikit.core.domain import DomainSpec, LabelSet
from i2ikit.core.specs import ImageSpec
from i2ikit.data.dataset import Dataset, Item
from i2ikit.errors import DataError, format_count


class JointDataset:
    """A data set whose labels stand in a wider label vector; the sets of the other data are unknown here."""

    def __init__(self, data: Dataset, domain: DomainSpec) -> None:
        self.data, self.domain = data, domain

    @property
    def name(self) -> str:
        """A short name for people."""
        return self.data.name

    @property
    def batch_kind(self) -> str:
        """Always ``"labelled"``."""
        return self.data.batch_kind

    @property
    def image(self) -> ImageSpec:
        """The native channels and size."""
        return self.data.image

    @property
    def source(self) -> ImageSpec:
        """The native channels and size of what is translated."""
        return self.data.source

    @property
    def bits(self) -> int:
        """A channel."""
        return self.data.bits

    @property
    def items(self) -> tuple[Item, ...]:
        """In a fixed order."""
        return self.data.items

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have items."""
        return self.data.splits

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen on the reader's behalf."""
        return self.data.notes

    def split(self, name: str) -> JointDataset:
        """Return the items of one split, or raise UnknownNameError."""
        return JointDataset(self.data.split(name), self.domain)

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""
        return self.data.read(item)

    def target(self, item: Item) -> Tensor | None:
        """Return None: labelled data has no pairs."""
        return self.data.target(item)

    def label(self, item: Item) -> list[float]:
        """Return the label entries [D] of all sets; those of the other data are zero and masked."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image after a change of this data's own attributes, or None."""
        own = {attribute.name for attribute in self.data.domain.attributes}
        return self.data.find_target(item, change) if set(change) <= own else None

    def fingerprint(self) -> str:
        """Return the hash of the data set itself."""
        return self.data.fingerprint()


def join(datasets: Sequence[Dataset]) -> tuple[JointDataset, ...]:
    """Return the data sets under one :class:`~i2ikit.core.domain.DomainSpec` that has the label sets of all, in order.

    The paper's CelebA and RaFD are the case of two; one loader each gives the batches of a step.

    Raises:
        DataError: A data set is not labelled, or their images differ in channels.
        LabelError: Two data sets have an attribute of the same name.
    """
    for data in datasets:
        if data.batch_kind != "labelled" or not data.domain.sets:
            raise DataError(f'"{data.name}" has no labels, so it cannot be joined. Open it with batch_kind="labelled" and labels.')
        if data.image.channels != datasets[0].image.channels:
            first = datasets[0]
            raise DataError(
                f'"{first.name}" has {format_count(first.image.channels, "channel")} and "{data.name}" {data.image.channels}. '
                "Use equal channels=."
            )
    several = len(datasets) > 1
    sets: list[LabelSet] = []
    for data in datasets:
        sets += [evolve(part, name=data.name if several and len(data.domain.sets) == 1 else part.name) for part in data.domain.sets]
    names = [part.name for part in sets]
    sets = [evolve(part, name=f"{part.name}{index + 1}") if names.count(part.name) > 1 else part for index, part in enumerate(sets)]
    domain = DomainSpec(tuple(sets), masked=any(data.domain.masked for data in datasets))
    return tuple(JointDataset(data, domain) for data in datasets)
