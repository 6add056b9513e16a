"""``check``: what a data set holds, found by opening every file."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import field, frozen

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.check_report import CheckReport
from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.manifest import format_names
from i2ikit.data.open import open_data
from i2ikit.data.rows import group_by_domain
from i2ikit.data.train_command import make_train_command
from i2ikit.errors import DataError
from i2ikit.pixels import mode_name


@frozen
class _CheckedFile:
    file: str
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    channels: int = 0
    is_target: bool = False
    digest: bytes = field(default=b"", repr=False)
    problem: str = ""


def check(path: str | os.PathLike[str], **options: Any) -> CheckReport:
    """Open every file of a data set and return a report.

    Args:
        path: As in :func:`i2ikit.data.open_data`.
        options: As in :func:`i2ikit.data.open_data`.

    Raises:
        DataError: There is no data set, or none of its images can be read.
    """
    data = open_data(path, **options)
    files = {name: item for item in data.items for name in (item.file, item.target_file) if name is not None}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        checked = list(pool.map(lambda name: _check_file(data, name, files[name].file != name), files))
    readable = [each for each in checked if not each.problem]
    if not readable:
        raise DataError(f"None of the {len(checked)} images can be read. The first problem: {checked[0].problem}")
    most = {
        is_target: Counter(each.channels for each in readable if each.is_target is is_target).most_common(1) for is_target in (False, True)
    }
    return CheckReport(
        path=os.fspath(path),
        batch_kind=data.batch_kind,
        images={name: sum(item.split == name for item in data.items) for name in data.splits},
        sizes=Counter(f"{each.size[0]} x {each.size[1]}" for each in readable),
        modes=Counter(each.mode for each in readable),
        labels={each.name: _count_values(data.items, each.name, each.choices) for each in data.domain.attributes},
        sets=[tuple(each.name for each in part.attributes) for part in data.domain.sets],
        unreadable=[(each.file, each.problem) for each in checked if each.problem],
        odd_channels=[each.file for each in readable if each.channels != most[each.is_target][0][0]],
        duplicates=_find_duplicates(readable, files),
        shared_subjects=_find_shared_subjects(data.items),
        notes=list(data.notes) + _make_notes(data, readable) + _check_training(data),
        command=make_train_command(os.fspath(path), data, options, has_alpha=_has_alpha(readable)),
    )


def _check_file(data: Dataset, name: str, is_target: bool) -> _CheckedFile:
    try:
        if not isinstance(data, FileDataset):  # generated data such as the faces has no files
            image = data.image
            mode = f"{mode_name(image.channels)} {data.bits} bit"
            return _CheckedFile(name, (image.height, image.width), mode, image.channels, is_target)
        content = data.images.source.read(name)
        pixels = data.images.decode(content, name, is_target)
        mode = f"{mode_name(pixels.shape[2])} {pixels.dtype.itemsize * 8} bit"
        channels = data.images.process(pixels, name, is_target).shape[2]
        return _CheckedFile(name, (pixels.shape[0], pixels.shape[1]), mode, channels, is_target, hashlib.sha256(content).digest())
    except DataError as cause:
        return _CheckedFile(name, problem=str(cause))


def _count_values(items: Iterable[Item], name: str, choices: Sequence[str]) -> dict[str | None, dict[str, int]]:
    counts: dict[str | None, dict[str, int]] = {choice: {} for choice in choices}
    for item in items:
        by_split = counts.setdefault(item.row.get(name), {})
        by_split[item.split] = by_split.get(item.split, 0) + 1
    return counts


def _find_duplicates(checked: Sequence[_CheckedFile], files: Mapping[str, Item]) -> list[tuple[str, ...]]:
    groups: defaultdict[bytes, list[str]] = defaultdict(list)
    for each in checked:
        if each.digest:
            groups[each.digest].append(each.file)
    return [tuple(group) for group in groups.values() if len({files[name].split for name in group}) > 1]


def _find_shared_subjects(items: Iterable[Item]) -> list[str]:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.subject is not None:
            splits[item.subject].add(item.split)
    return [subject for subject, names in splits.items() if len(names) > 1]


def _make_notes(data: Dataset, readable: Sequence[_CheckedFile]) -> list[str]:
    notes = []
    if data.image.channels in {2, 4}:
        notes.append(f"Images have alpha as a channel ({mode_name(data.image.channels)}). --background white blends it.")
    if len({each.mode.rsplit(" ", 2)[1] for each in readable}) > 1:
        notes.append("Some files have 8 bits and some 16 bits. Both are read to the same range.")
    ratios = [each.size[1] / each.size[0] for each in readable]
    is_cropped = isinstance(data, FileDataset) and data.images.reading.crop is not None
    if max(ratios) > 1.02 * min(ratios) and not is_cropped:
        notes.append("Images have different proportions. Training crops them, so that no image is stretched.")
    if get_arrangement(data).has_targets and isinstance(data, FileDataset) and not data.images.reading.glued and not is_cropped:
        sizes = {each.file: each.size for each in readable}  # unreadable files have no size, and are reported separately
        pairs = [item for item in data.items if item.file in sizes and item.target_file in sizes]
        different = [item.file for item in pairs if sizes[item.file] != sizes[item.target_file or ""]]
        if different:
            names = format_names(different)
            notes.append(f"Source and target differ in size for {names}. Training refuses such pairs: resize one of the two images.")
    return notes


def _check_training(data: Dataset) -> list[str]:
    try:
        group_by_domain(data.split("train") if "train" in data.splits else data)
    except DataError as reason:
        return [f"Training refuses this data: {reason}"]
    return []


def _has_alpha(checked: Sequence[_CheckedFile]) -> bool:
    return any(each.mode.startswith(("RGBA", "grey with alpha")) for each in checked)
