"""Images that cannot be read: each is replaced by another image, whose choice depends only on seed, epoch and row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.core.on_task import OnTask, show_nothing
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset, Item
from i2ikit.data.manifest import format_names
from i2ikit.data.parallel import map_in_threads
from i2ikit.data.prepared_images import Augmentation, PreparedImages
from i2ikit.data.rows import make_seed
from i2ikit.errors import DataError, format_count

MAX_SHARE = 0.01
"""Share of the images of a training that may be skipped. If more cannot be read, the training stops."""

_ADVICE = " Replace or remove it."


class BadFileError(DataError):
    """Files of a training cannot be read.

    Attributes:
        reasons: The reason of each file.
    """

    def __init__(self, message: str, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__(message)


class Loaded(NamedTuple):
    """An image that was read.

    Attributes:
        row: Its row in the data set.
        image: The image [C H W].
        target: The target image of a pair [C H W].
    """

    row: int
    image: Tensor
    target: Tensor | None


@frozen
class UsableImages:
    """Reads images of a data set, and another one in place of each that cannot be read.

    The replacement has the same label where there is one, else it knows the same label sets; it is in the same domain.

    Args:
        images: The images.
        groups: The rows of each domain.
        labels: The label of each row [N D], or None.
        masks: The mask of each row, or None.
        seed: Random seed of the choice.
        skips: Whether an image that cannot be read is replaced, or is an error.
    """

    images: PreparedImages
    groups: Mapping[str, Sequence[int]]
    labels: Tensor | None
    masks: Sequence[tuple[float, ...]] | None
    seed: int
    skips: bool
    _reasons: dict[str, str] = field(init=False, factory=dict)

    def load(
        self, row: int, augmentation: Augmentation, group: str, epoch: int, found: dict[str, str], *, with_same_label: bool = False
    ) -> Loaded:
        """Return an image and its target, or those of a replacement.

        Args:
            row: The row of the image.
            augmentation: Random changes of the image.
            group: The domain of the row.
            epoch: The epoch. In another epoch, another image replaces the same row.
            found: Receives the reason of each file that cannot be read.
            with_same_label: Whether only images with the same label can replace the image.

        Raises:
            BadFileError: The image cannot be read and ``skips`` is false, or no image can replace it.
        """
        for each in self._list_candidates(row, group, epoch, with_same_label):
            item = self.images.dataset.items[each]
            file = item.file
            try:
                self._raise_known(file, item.target_file)
                image = self.images.get(item, augmentation)
                if not get_arrangement(self.images.dataset).has_targets:
                    return Loaded(each, image, None)
                file = item.target_file or item.file
                return Loaded(each, image, self.images.get(item, augmentation, is_target=True))
            except BadFileError as error:
                found.update(error.reasons)
            except DataError as error:
                reason = remove_advice(str(error))
                if not self.skips:
                    raise BadFileError(str(error), {file: reason}) from error
                found[file] = self._reasons[file] = reason
        raise BadFileError(describe_bad_files(found, len(self.images.dataset.items)), found)

    def _raise_known(self, *files: str | None) -> None:
        """Raise BadFileError if a file could not be read before, so that it is not decoded in each epoch."""
        known = {file: self._reasons[file] for file in files if file in self._reasons}
        if known:
            raise BadFileError("", known)

    def _list_candidates(self, row: int, group: str, epoch: int, with_same_label: bool) -> Iterator[int]:
        """Yield the row itself, then the rows that can replace it: first those with its label, then those that know the same label sets."""
        yield row
        generator = torch.Generator().manual_seed(make_seed(self.seed, epoch, row, "replacement"))
        rest = [each for each in self.groups[group] if each != row]
        pools: list[list[int]] = []
        if self.labels is not None:
            is_equal = (self.labels == self.labels[row]).all(1).tolist()
            pools.append([each for each in rest if is_equal[each]])
        if self.masks is not None:
            pools.append([each for each in rest if self.masks[each] == self.masks[row]])
        pools.append(rest)
        seen: set[int] = set()
        for pool in pools[:1] if with_same_label else pools:
            for index in torch.randperm(len(pool), generator=generator).tolist():
                if pool[index] not in seen:
                    seen.add(pool[index])
                    yield pool[index]


def find_bad_files(data: Dataset, on_task: OnTask = show_nothing) -> dict[str, str]:
    """Read all images of a data set, and return the reason of each file that cannot be read.

    Args:
        data: The data set.
        on_task: Shows how many items are done.
    """

    def check(item: Item) -> dict[str, str]:
        file = item.file
        try:
            data.read(item)
            file = item.target_file or file
            data.read_target(item)
        except DataError as error:
            return {file: remove_advice(str(error))}
        return {}

    found: dict[str, str] = {}
    for each in map_in_threads(check, data.items, "A file cannot be read. Checking all files", on_task):
        found |= each
    return found


def remove_advice(reason: str) -> str:
    """Return the reason why a file cannot be read, without the advice to remove it: that would change the data of a run."""
    return reason.removesuffix(_ADVICE)


def refuse_too_many(reasons: Mapping[str, str], total: int) -> None:
    """Raise BadFileError if more files cannot be read than may be skipped.

    Args:
        reasons: The reason of each file that cannot be read.
        total: Number of images of the training.
    """
    if len(reasons) > MAX_SHARE * total:
        raise BadFileError(describe_bad_files(reasons, total), reasons)


def describe_bad_files(reasons: Mapping[str, str], total: int) -> str:
    """Return in one line which files cannot be read, and why."""
    if len(reasons) == 1:
        return f"{next(iter(reasons.values()))} At most {MAX_SHARE:.0%} of {format_count(total, 'image')} may be skipped."
    return (
        f"{len(reasons)} files of {format_count(total, 'image')} cannot be read, more than the {MAX_SHARE:.0%} that may be skipped: "
        f"{format_names(list(reasons), 20)}. The first one: {next(iter(reasons.values()))}"
    )
