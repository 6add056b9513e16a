"""Several data sets with one joint label vector; each knows only its own label sets (StarGAN, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from torch import Tensor

from i2ikit.core.domain import DomainSpec, LabelSet
from i2ikit.core.specs import ImageSpec
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset, Item
from i2ikit.errors import DataError, format_count


class JointDataset:
    """A data set with the label vector of several data sets, in which the label sets of the others are unknown."""

    def __init__(self, data: Dataset, domain: DomainSpec) -> None:
        self.data, self.domain = data, domain

    @property
    def name(self) -> str:
        """A short name for messages."""
        return self.data.name

    @property
    def batch_kind(self) -> str:
        """The arrangement of the files: that of labelled images."""
        return self.data.batch_kind

    @property
    def image(self) -> ImageSpec:
        """Channels and native size of the images."""
        return self.data.image

    @property
    def source(self) -> ImageSpec:
        """Channels and native size of the images to translate."""
        return self.data.source

    @property
    def bits(self) -> int:
        """Bits of a channel."""
        return self.data.bits

    @property
    def items(self) -> tuple[Item, ...]:
        """The images in a fixed order."""
        return self.data.items

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have items."""
        return self.data.splits

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen automatically, one line each."""
        return self.data.notes

    def split(self, name: str) -> JointDataset:
        """Return a data set of the items of one split, or raise UnknownNameError."""
        return JointDataset(self.data.split(name), self.domain)

    def read(self, item: Item) -> Tensor:
        """Return the image [C H W], float32 in [-1, 1], at its native size."""
        return self.data.read(item)

    def read_target(self, item: Item) -> Tensor | None:
        """Return None: labelled data has no pairs."""
        return self.data.read_target(item)

    def encode_label(self, item: Item) -> list[float]:
        """Return the label [D] of all label sets; the entries of the other data sets are zero, and their masks too."""
        return self.domain.encode(item.row)

    def find_target(self, item: Item, change: Mapping[str, object]) -> Tensor | None:
        """Return the true image after a change of this data set's own attributes, or None."""
        own = {attribute.name for attribute in self.data.domain.attributes}
        return self.data.find_target(item, change) if set(change) <= own else None

    def fingerprint(self) -> str:
        """Return the hash of the data set itself."""
        return self.data.fingerprint()


def join(datasets: Sequence[Dataset]) -> tuple[JointDataset, ...]:
    """Return the data sets with one joint :class:`~i2ikit.core.domain.DomainSpec` that holds the label sets of all, in order.

    StarGAN's paper does so with CelebA and RaFD. In training, each data set has its own loader, and a step uses one batch of each.

    Raises:
        DataError: A data set is not labelled, or the numbers of channels differ.
        LabelError: Two data sets have an attribute of the same name.
    """
    for data in datasets:
        if not get_arrangement(data).has_labels or not data.domain.sets:
            raise DataError(f'"{data.name}" has no labels, so it cannot be joined. Open it as labelled data (batch_kind="labelled").')
        if data.image.channels != datasets[0].image.channels:
            first = datasets[0]
            raise DataError(
                f'"{first.name}" has {format_count(first.image.channels, "channel")} and "{data.name}" has {data.image.channels}. '
                "Open both with the same channels=."
            )
    several = len(datasets) > 1
    sets: list[LabelSet] = []
    for data in datasets:
        sets += [evolve(part, name=data.name if several and len(data.domain.sets) == 1 else part.name) for part in data.domain.sets]
    names = [part.name for part in sets]
    sets = [evolve(part, name=f"{part.name}{index + 1}") if names.count(part.name) > 1 else part for index, part in enumerate(sets)]
    domain = DomainSpec(tuple(sets), masked=any(data.domain.masked for data in datasets))
    return tuple(JointDataset(data, domain) for data in datasets)
