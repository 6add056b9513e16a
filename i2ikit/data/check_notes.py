"""What a check of a data set notices: one line for each thing that a training would suffer from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.labels import is_identifier, is_measure
from i2ikit.data.manifest import format_names
from i2ikit.data.train_command import choose_training_size
from i2ikit.errors import format_count
from i2ikit.pixels import mode_name
from i2ikit.pixels.value_range import RangeError

MAX_RATIO = 20
"""A value with this many times fewer training images than another one is reported."""
MAX_ENLARGEMENT = 1.5
"""An image that is enlarged by more than this factor is reported."""


@frozen
class CheckedFile:
    """What was found in a file.

    Attributes:
        file: Its name.
        size: Height and width.
        mode: Channels and bits, such as ``"RGBA 8 bit"``.
        channels: Number of channels as training reads it.
        is_target: Whether it is the target of a pair.
        digest: A hash of its bytes.
        problem: Why it cannot be read; empty if it can.
        range_error: The same problem, if it is that of the range of the values.
    """

    file: str
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    channels: int = 0
    is_target: bool = False
    digest: bytes = field(default=b"", repr=False)
    problem: str = ""
    range_error: RangeError | None = None


def make_notes(data: Dataset, readable: Sequence[CheckedFile], labels: Mapping[str, Mapping[str | None, Mapping[str, int]]]) -> list[str]:
    """Return what is noticed in a data set, one line each.

    Args:
        data: The data set.
        readable: Its files that can be read.
        labels: For each attribute, the number of images of each value in each split.
    """
    is_cropped = isinstance(data, FileDataset) and data.images.reading.crop is not None
    notes = list(_describe_channels(data, readable))
    depths = {each.mode.rsplit(" ", 2)[1] for each in readable}
    if len(depths) > 1:
        names = " and some ".join(sorted(depths, key=int))
        notes.append(f"Some files have {names} bits. All are read to the same range.")
    ratios = [each.size[1] / each.size[0] for each in readable]
    if max(ratios) > 1.02 * min(ratios) and not is_cropped:
        notes.append("Images have different proportions. Training crops them, so that no image is stretched.")
    if not is_cropped:
        notes += _describe_small_images(data, readable)
    for name, counts in labels.items():
        is_folder = all(item.row[name] in item.file.split("/") for item in data.items)
        notes += _describe_values(name, counts, is_folder)
    return notes


def _describe_channels(data: Dataset, readable: Sequence[CheckedFile]) -> Iterator[str]:
    if data.image.channels in {2, 4}:
        yield f"Images have alpha as a channel ({mode_name(data.image.channels)}). --background white blends it."
    by_value: defaultdict[str, set[int]] = defaultdict(set)
    channels = {each.file: each.channels for each in readable}
    if len(data.domain.attributes) == 1:
        for item in data.items:
            value = item.row.get(data.domain.attributes[0].name)
            if value is not None and item.file in channels:
                by_value[value].add(channels[item.file])
    if by_value and all(len(found) == 1 for found in by_value.values()) and len({min(found) for found in by_value.values()}) > 1:
        named = ", ".join(f'"{value}" is {mode_name(min(found))}' for value, found in list(by_value.items())[:8])
        advice = "--background white --channels 3" if set().union(*by_value.values()) & {2, 4} else "--channels 3"
        yield f"The domains differ in colour, which would be all that a discriminator looks at: {named}. {advice} reads all as RGB."


def _describe_small_images(data: Dataset, readable: Sequence[CheckedFile]) -> Iterator[str]:
    height, width = choose_training_size(data.image.height, data.image.width)
    glued = isinstance(data, FileDataset) and bool(data.images.reading.glued)

    def enlargement(each: CheckedFile) -> float:
        return max(height / each.size[0], width / (each.size[1] / 2 if glued else each.size[1]))

    small = sorted((each for each in readable if enlargement(each) > MAX_ENLARGEMENT), key=enlargement, reverse=True)
    if small:
        smallest = f'"{small[0].file}" has {small[0].size[0]} x {small[0].size[1]} pixels'
        yield (
            f"{len(small):,} of {format_count(len(readable), 'image')} are much smaller than the training size {height}x{width} and become "
            f"blurred: {smallest}. Leave them out, or choose a smaller --size."
        )


def _describe_values(name: str, counts: Mapping[str | None, Mapping[str, int]], is_folder: bool) -> Iterator[str]:
    values = [value for value in counts if value is not None]
    if is_measure(values) and not is_folder:
        yield (
            f'Column "{name}" holds {len(values)} different numbers, and each is read as a class of its own. Leave it out (--labels with '
            "the other columns), or write ranges, such as 20-29, into it."
        )
        return
    cells = [value for value in values for _ in range(sum(counts[value].values()))]
    if is_identifier(cells) and not is_folder:
        yield (
            f'Most values of column "{name}" have a single image, so that it tells images apart rather than classes. Leave it out '
            "(--labels with the other columns)."
        )
        return
    training = Counter({value: counts[value]["train"] for value in values if counts[value].get("train")})
    if not training:
        return
    if unseen := [value for value in values if value not in training]:
        yield f'The values {format_names(unseen, 5)} of "{name}" have no training image, and are not learned.'
    (most, largest), (least, smallest) = training.most_common()[0], training.most_common()[-1]
    if largest > MAX_RATIO * smallest:
        have = f'"{least}" has {format_count(smallest, "training image")}, "{most}" {largest:,}'
        yield f'The values of "{name}" are imbalanced: {have}. Rare values are learned poorly: add images, or leave the value out.'


def count_values(items: Iterable[Item], name: str, choices: Sequence[str]) -> dict[str | None, dict[str, int]]:
    """Return the number of images of each value of an attribute in each split; the value None counts the unknown ones."""
    counts: dict[str | None, dict[str, int]] = {choice: {} for choice in choices}
    for item in items:
        by_split = counts.setdefault(item.row.get(name), {})
        by_split[item.split] = by_split.get(item.split, 0) + 1
    return counts
