"""The command that trains on a data set, for the report of a check."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from i2ikit.core.registry import default_registry
from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.bad_files import MAX_SHARE
from i2ikit.data.dataset import Dataset, FileDataset
from i2ikit.data.labels import is_identifier, is_measure
from i2ikit.data.open import open_data
from i2ikit.data.random_crop import find_random_crop
from i2ikit.data.rows import group_by_domain
from i2ikit.data.sizes import check_sizes
from i2ikit.errors import DataError, I2IKitError, format_count
from i2ikit.paths import choose_free_path
from i2ikit.pixels import mode_name
from i2ikit.quoting import join_list, split_list

READING = ("background", "channels", "source_channels", "crop", "holdout", "range", "max_pixels")
"""The options of a check that a training needs, too."""
SIDE = 128
"""The shorter side of the images in a training, unless the user gives a size or the images are smaller."""


class TrainCommand(NamedTuple):
    """A command that trains on a data set.

    Attributes:
        text: The command; empty if there is none.
        reason: Why there is no command, or what else to know about it.
    """

    text: str = ""
    reason: str = ""


def choose_training_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the images in a training, for images of a native size: multiples of 16, and at most about 128."""
    scale = min(1.0, SIDE / min(height, width))
    return max(16, round(height * scale / 16) * 16), max(16, round(width * scale / 16) * 16)


def choose_size(data: Dataset) -> tuple[int, int]:
    """Return height and width of the images in a training on a data set: those of a random crop, or of :func:`choose_training_size`."""
    return find_random_crop(data) or choose_training_size(data.image.height, data.image.width)


def _find_pairs(data: Dataset, options: Mapping[str, Any]) -> Sequence[str]:
    """Return source and target of pairs for the command; nothing if a training chooses them in the same way."""
    given = options.get("pairs")
    if isinstance(given, str):
        return split_list(given)
    if isinstance(given, Sequence):
        return [str(each) for each in given]
    return list(data.images.reading.glued) if isinstance(data, FileDataset) else []


def has_gpu() -> bool:
    """Return whether this machine has a device on which training is fast."""
    return torch.cuda.is_available() or torch.backends.mps.is_available()


def make_train_command(
    path: str, data: Dataset, options: Mapping[str, Any], *, channels: Mapping[bool, Sequence[int]], unreadable: Collection[str]
) -> TrainCommand:
    """Return a command that trains on a data set, or the reason why there is none.

    Args:
        path: The path of the data set, as the user wrote it.
        data: The data set.
        options: The options that it was opened with.
        channels: The numbers of channels of the images that can be read, and for pairs of the targets (True).
        unreadable: The files that cannot be read.
    """
    if reason := _explain_missing_labels(path, data):
        return TrainCommand("", reason)
    training = data.split("train") if "train" in data.splits else data
    bad = sum(item.file in unreadable or item.target_file in unreadable for item in training.items)
    if bad > MAX_SHARE * len(training.items):
        count = f"{bad} of {format_count(len(training.items), get_arrangement(data).unit)}"
        return TrainCommand("", f"There is no training command: {count} for training cannot be read. Repair or remove these files first.")
    try:
        reading = choose_reading(options, channels)
        if any(options.get(name) != value for name, value in reading.items()):
            data = open_data(path, **{**options, **reading})
            training = data.split("train") if "train" in data.splits else data
        check_sizes(data)
        groups = group_by_domain(training)
    except I2IKitError as error:
        return TrainCommand("", f"There is no training command: {error}")
    recipe = get_arrangement(data).recipe
    if not has_gpu() and f"{recipe}-fast" in default_registry().recipes():
        recipe = f"{recipe}-fast"
    words = ["i2ikit", "train", recipe, "--data", path]
    names = _choose_labels(data, options)
    if names and names not in (["domain"], ["expression"]):
        words += ["--labels", join_list(names)]
    height, width = choose_size(data)
    words += ["--size", str(height) if height == width else f"{height}x{width}"]
    largest = max(len(group) for group in groups.values())
    if largest < default_registry().recipe(recipe).batch:
        words += ["--batch", str(largest)]
    if pairs := _find_pairs(data, options):
        words += ["--pairs", join_list(pairs)]
    words += [word for name, value in reading.items() for word in (f"--{name.replace('_', '-')}", _format_value(value))]
    words += ["--run", choose_run_folder(data.name)]
    limit = "" if has_gpu() else "This machine has no GPU: --minutes 30 ends the training after half an hour."
    return TrainCommand(" ".join(shlex.quote(word) for word in words), limit)


def _choose_labels(data: Dataset, options: Mapping[str, Any]) -> list[str]:
    """Return the attributes to train on: those that the user chose, else all but measures such as ages, and names of single images."""
    names = [each.name for each in data.domain.attributes]
    known = {name: [item.row[name] for item in data.items if item.row[name] is not None] for name in names}
    classes = [each.name for each in data.domain.attributes if not (is_measure(each.choices) or is_identifier(known[each.name]))]
    return names if options.get("labels") else classes or names


def choose_reading(options: Mapping[str, Any], channels: Mapping[bool, Sequence[int]]) -> dict[str, Any]:
    """Return the options of ``i2ikit train`` with which all images have the same number of channels.

    Args:
        options: The options that the data set was opened with.
        channels: The numbers of channels of the images with these options, and for pairs of the targets (True).

    Raises:
        DataError: The images cannot be converted.
    """
    found = {name: options[name] for name in READING if options.get(name) is not None}
    numbers = {side: set(each) for side, each in channels.items() if each}
    every = set[int]().union(*numbers.values())
    if every & {2, 4}:
        found.setdefault("background", "white")
        numbers = {side: {count - (count in {2, 4}) for count in each} for side, each in numbers.items()}
    mixed = {side for side, each in numbers.items() if len(each) > 1}
    if not mixed:
        return found
    several = sorted(set[int]().union(*(numbers[side] for side in mixed)))
    if max(several) > 4:
        raise DataError(f"Some images are {' and others '.join(map(mode_name, several))}, which cannot be converted to each other.")
    if True not in numbers:
        return {**found, "channels": 3}
    sources, targets = (3 if side in mixed else min(numbers.get(side) or {3}) for side in (False, True))
    return {**found, "channels": targets, **({} if sources == targets else {"source_channels": sources})}


def choose_run_folder(name: str) -> str:
    """Return a run folder in the working directory that does not exist, named after a data set."""
    return choose_free_path(f"runs/{name or 'first'}").as_posix()


def _format_value(value: Any) -> str:
    return str(value) if isinstance(value, (str, int, float)) else ",".join(map(str, value))


def _explain_missing_labels(path: str, data: Dataset) -> str:
    """Return why no recipe is suggested for a data set, or an empty text if one is."""
    arrangement = get_arrangement(data)
    if not arrangement.recipe:
        return f"To train a recipe for images without labels: i2ikit train RECIPE --data {shlex.quote(path)} --run runs/NAME"
    if data.domain.sets or arrangement.has_targets:
        return ""
    if any("twice as wide as high" in note for note in data.notes):
        return f"The images may be pairs side by side. To check them as pairs: i2ikit data check {shlex.quote(path)} --kind glued"
    reason, depth = "StarGAN requires labels, and this data has none.", min(item.file.count("/") for item in data.items)
    if unread := next((note for note in data.notes if note.startswith('Table "')), ""):
        return f"{reason} {unread}"
    if any(note.startswith('Column "') for note in data.notes):
        other = ", or move the table away, so that the folders of the images are the labels" if depth else ""
        return f"{reason} No column of the table can be a label: add one{other}."
    if depth > 1 and len(tops := {item.file.partition("/")[0] for item in data.items}) == 1:
        folder = os.path.join(path, *tops)  # noqa: PTH118 - in the form that the user wrote
        return f"{reason} To use the folders in it as labels: i2ikit data check {shlex.quote(folder)}"
    reason = f"{reason} Use one folder for each value, or add a table attributes.csv."
    if data.image.width > data.image.height and data.image.width % 2 == 0 and isinstance(data, FileDataset):
        reason = f"{reason} If each image is a pair side by side: i2ikit data check {shlex.quote(path)} --kind glued"
    return reason
