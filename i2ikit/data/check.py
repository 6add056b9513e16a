"""``check``: a report on a data set, made by opening every file."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import field, frozen

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.loader import group_by_domain
from i2ikit.data.manifest import format_names
from i2ikit.data.open import open_data
from i2ikit.errors import DataError, format_count
from i2ikit.pixels import mode_name


@frozen
class CheckReport:
    """The report of :func:`check`.

    Attributes:
        path: Path of the data set.
        batch_kind: The arrangement of the files: ``"labelled"``, ``"unpaired"``, ``"paired"`` or ``"images"``.
        images: Number of images of each split.
        sizes: Number of files of each size (``"height x width"``).
        modes: Number of files of each mode, such as ``"RGBA 8 bit"``.
        labels: For each attribute, the number of images of each value in each split; the value None counts the unknown ones.
        sets: The attributes of each label set.
        unreadable: Name of each file that cannot be read, and the reason.
        odd_channels: Files whose number of channels differs from that of most files.
        duplicates: Groups of files with equal content in different splits.
        shared_subjects: Subjects that are in more than one split.
        notes: What was chosen automatically, and warnings, one line each.
        command: A command that trains on this data; empty if there is none.
    """

    path: str
    batch_kind: str
    images: Mapping[str, int]
    sizes: Mapping[str, int]
    modes: Mapping[str, int]
    labels: Mapping[str, Mapping[str | None, Mapping[str, int]]]
    sets: Sequence[tuple[str, ...]]
    unreadable: Sequence[tuple[str, str]]
    odd_channels: Sequence[str]
    duplicates: Sequence[tuple[str, ...]]
    shared_subjects: Sequence[str]
    notes: Sequence[str]
    command: str

    @property
    def ok(self) -> bool:
        """Whether every file can be used for training."""
        return not self.unreadable and not self.odd_channels

    def render(self) -> str:
        """Return the report as plain text."""
        count = format_count(sum(self.images.values()), get_arrangement(self).unit)
        lines = [f"{self.path}: {self.batch_kind}, {count}"]
        lines += ["", *_format_table("split", [[name, str(count)] for name, count in self.images.items()])]
        lines += ["", *_format_table("size (height x width)", [[name, str(count)] for name, count in _select_most_frequent(self.sizes)])]
        lines += ["", *_format_table("mode", [[name, str(count)] for name, count in _select_most_frequent(self.modes)])]
        splits = list(self.images)
        for names in self.sets:
            rows = [
                [f"{name} = {'(unknown)' if value is None else value}", *(str(counts.get(split, 0)) for split in splits)]
                for name in names
                for value, counts in self.labels[name].items()
            ]
            lines += ["", *_format_table("label set: " + ", ".join(names), rows, splits)]
        lines += self._format_problems()
        lines += [f"note: {note}" for note in self.notes]
        lines += ["", "train with:", f"  {self.command}"] if self.command else ["", self.no_command_reason]
        return "\n".join(lines)

    @property
    def no_command_reason(self) -> str:
        """Why there is no command that trains on this data."""
        if get_arrangement(self).has_targets:
            return "There is no training command: source and target of some pairs do not fit together."
        if not get_arrangement(self).recipe:
            return f"To train a recipe for images without labels: i2ikit train RECIPE --data {self.path} --run runs/NAME"
        if any("twice as wide as high" in note for note in self.notes):
            return f"To train on images twice as wide as high as pairs side by side: i2ikit train pix2pix --data {self.path}"
        return "StarGAN requires labels, and this data has none. Use one folder for each value, or add a table attributes.csv."

    def _format_problems(self) -> list[str]:
        lines = [""] + ["all files can be read"] * (not self.unreadable)
        lines += [f"unreadable: {reason}" for _, reason in self.unreadable[:20]]
        if len(self.unreadable) > 20:
            lines.append(f"unreadable: {len(self.unreadable) - 20} more")
        if self.odd_channels:
            names = format_names(self.odd_channels, 5)
            lines.append(f"other channels than most files: {names}. Use --background white or --channels 3 to convert them.")
        lines += [f"same content in two splits: {format_names(group)}" for group in self.duplicates[:5]]
        if len(self.duplicates) > 5:
            lines.append(f"same content in two splits: {len(self.duplicates) - 5} groups more")
        if self.shared_subjects:
            lines.append(f"subjects in two splits: {format_names(self.shared_subjects, 5)}")
        return lines


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
        command=_make_command(os.fspath(path), data, options, readable),
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


def _make_command(path: str, data: Dataset, options: Mapping[str, Any], readable: Sequence[_CheckedFile]) -> str:
    arrangement = get_arrangement(data)
    if not arrangement.recipe or (not data.domain.sets and not arrangement.has_targets):
        return ""
    words = ["i2ikit", "train", arrangement.recipe, "--data", path]
    names = [each.name for each in data.domain.attributes]
    if names and names not in (["domain"], ["expression"]):
        words += ["--labels", ",".join(names)]
    shorter_side = min(data.image.height, data.image.width)
    words += ["--size", str(min(256, max(32, 1 << (shorter_side.bit_length() - 1))))]
    background = options.get("background") or ("white" if data.image.channels in {2, 4} or _has_alpha(readable) else None)
    if background:
        words += ["--background", str(background)]
    for name in ("channels", "source_channels", "crop"):
        if options.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    words += ["--run", f"runs/{Path(path.partition(':')[0]).stem or 'first'}"]
    return " ".join(shlex.quote(word) for word in words)


def _has_alpha(checked: Sequence[_CheckedFile]) -> bool:
    return any(each.mode.startswith(("RGBA", "grey with alpha")) for each in checked)


def _select_most_frequent(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the eight most frequent names, and the rest together."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    rest = sum(count for _, count in ordered[8:])
    return ordered[:8] + ([(f"{len(ordered) - 8} others", rest)] if rest else [])


def _format_table(title: str, rows: Sequence[Sequence[str]], heads: Sequence[str] = ("images",)) -> list[str]:
    title_width = max([len(title), *(len(row[0]) for row in rows)])
    widths = [max([len(head), *(len(row[index + 1]) for row in rows)]) for index, head in enumerate(heads)]
    body = [[title, *heads], *rows]
    return [
        "  ".join([row[0].ljust(title_width), *(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))]) for row in body
    ]
