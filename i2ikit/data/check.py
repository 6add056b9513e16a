"""What a data set holds, found by opening every file."""

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

from i2ikit.data.dataset import Dataset, FileDataset, Item
from i2ikit.data.loader import grouped
from i2ikit.data.manifest import listed
from i2ikit.data.open import open_data
from i2ikit.errors import DataError, format_count
from i2ikit.pixels import decode, mode_name


@frozen
class CheckReport:
    """The findings of :func:`check`.

    Attributes:
        path: What was checked.
        kind: ``"labelled"``, ``"unpaired"`` or ``"paired"``.
        images: How many images there are for each split.
        sizes: How many files there are of each ``"height x width"``, most first.
        modes: How many files there are of each mode, such as ``"RGBA 8 bit"``, most first.
        labels: For each attribute how many images of each split have each value; the value None counts the unknown.
        sets: The attributes of each label set.
        unreadable: Name and reason of each file that cannot be read.
        odd: Files whose channels differ from most.
        duplicates: Groups of files of equal content in different splits.
        torn: Subjects that stand in two splits.
        notes: What was chosen and what to look at, one line each.
        command: The command that trains on this data; empty where there are no labels to learn.
    """

    path: str
    batch_kind: str
    images: Mapping[str, int]
    sizes: Mapping[str, int]
    modes: Mapping[str, int]
    labels: Mapping[str, Mapping[str | None, Mapping[str, int]]]
    sets: Sequence[tuple[str, ...]]
    unreadable: Sequence[tuple[str, str]]
    odd: Sequence[str]
    duplicates: Sequence[tuple[str, ...]]
    torn: Sequence[str]
    notes: Sequence[str]
    command: str

    @property
    def ok(self) -> bool:
        """Whether every file can be trained on."""
        return not self.unreadable and not self.odd

    def render(self) -> str:
        """Return the report as plain text."""
        lines = [
            f"{self.path}: {self.batch_kind}, {format_count(sum(self.images.values()), 'pair' if self.batch_kind == 'paired' else 'image')}"
        ]
        lines += ["", *_table("split", [[name, str(count)] for name, count in self.images.items()])]
        lines += ["", *_table("size (height x width)", [[name, str(count)] for name, count in _most(self.sizes)])]
        lines += ["", *_table("mode", [[name, str(count)] for name, count in _most(self.modes)])]
        splits = list(self.images)
        for names in self.sets:
            rows = [
                [f"{name} = {'(unknown)' if value is None else value}", *(str(counts.get(split, 0)) for split in splits)]
                for name in names
                for value, counts in self.labels[name].items()
            ]
            lines += ["", *_table("label set: " + ", ".join(names), rows, splits)]
        lines += self._problems()
        lines += [f"note: {note}" for note in self.notes]
        lines += ["", "train with:", f"  {self.command}"] if self.command else ["", self.without]
        return "\n".join(lines)

    @property
    def without(self) -> str:
        """Why there is no command that trains on this data."""
        if self.batch_kind == "paired":
            return "These are pairs, and some of them do not fit together."
        if any("twice as wide as high" in note for note in self.notes):
            return f"Images twice as wide as high are pairs, side by side, to a recipe for pairs: i2ikit train pix2pix --data {self.path}"
        return "StarGAN needs labels, which this data does not have: a folder for each value, or a table attributes.csv beside the images."

    def _problems(self) -> list[str]:
        lines = [""] + ["all files can be read"] * (not self.unreadable)
        lines += [f"unreadable: {why}" for _, why in self.unreadable[:20]]
        if len(self.unreadable) > 20:
            lines.append(f"unreadable: {len(self.unreadable) - 20} more")
        if self.odd:
            lines.append(f"other channels than most: {listed(self.odd, 5)}; say how to read them with --background white or --channels 3")
        lines += [f"same content in two splits: {listed(group)}" for group in self.duplicates[:5]]
        if len(self.duplicates) > 5:
            lines.append(f"same content in two splits: {len(self.duplicates) - 5} groups more")
        if self.torn:
            lines.append(f"subjects in two splits: {listed(self.torn, 5)}")
        return lines


_RECIPES = {"labelled": "stargan", "unpaired": "cyclegan", "paired": "pix2pix"}  # what the command names first


@frozen
class _Seen:
    file: str
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    channels: int = 0
    second: bool = False
    digest: bytes = field(default=b"", repr=False)
    problem: str = ""


def check(path: str | os.PathLike[str], **options: Any) -> CheckReport:
    """Open every file of a data set and return what there is.

    Args:
        path: As :func:`i2ikit.data.open_data` takes it.
        options: As :func:`i2ikit.data.open_data` takes them.

    Raises:
        DataError: There is no data set at all.
    """
    data = open_data(path, **options)
    files = {name: item for item in data.items for name in (item.file, item.partner) if name is not None}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        seen = list(pool.map(lambda name: _look(data, name, files[name].file != name), files))
    good = [each for each in seen if not each.problem]
    if not good:
        raise DataError(f"None of the {len(seen)} images can be read. The first: {seen[0].problem}")
    most = {second: Counter(each.channels for each in good if each.second is second).most_common(1) for second in (False, True)}
    odd = [each.file for each in good if each.channels != most[each.second][0][0]]
    notes = list(data.notes) + _advice(data, good) + _too_little(data)
    return CheckReport(
        path=os.fspath(path),
        batch_kind=data.batch_kind,
        images={name: sum(item.split == name for item in data.items) for name in data.splits},
        sizes=Counter(f"{each.size[0]} x {each.size[1]}" for each in good),
        modes=Counter(each.mode for each in good),
        labels={each.name: _counts(data.items, each.name, each.choices) for each in data.domain.attributes},
        sets=[tuple(each.name for each in part.attributes) for part in data.domain.sets],
        unreadable=[(each.file, each.problem) for each in seen if each.problem],
        odd=odd,
        duplicates=_duplicates(good, files),
        torn=_torn(data.items),
        notes=notes,
        command=_command(os.fspath(path), data, options, good),
    )


def _look(data: Dataset, name: str, second: bool) -> _Seen:
    try:
        if not isinstance(data, FileDataset):  # drawn, hence nothing to open
            image = data.image
            return _Seen(name, (image.height, image.width), f"{mode_name(image.channels)} {data.bits} bit", image.channels, second)
        content = data.images.source.read(name)
        pixels = decode(content, name)
        mode = f"{mode_name(pixels.shape[2])} {pixels.dtype.itemsize * 8} bit"
        shaped = data.images.shape(pixels, name, second)
        return _Seen(name, (pixels.shape[0], pixels.shape[1]), mode, shaped.shape[2], second, hashlib.sha256(content).digest())
    except DataError as cause:
        return _Seen(name, problem=str(cause))


def _counts(items: Iterable[Item], name: str, choices: Sequence[str]) -> dict[str | None, dict[str, int]]:
    counts: dict[str | None, dict[str, int]] = {choice: {} for choice in choices}
    for item in items:
        split = counts.setdefault(item.row.get(name), {})
        split[item.split] = split.get(item.split, 0) + 1
    return counts


def _duplicates(seen: Sequence[_Seen], files: Mapping[str, Item]) -> list[tuple[str, ...]]:
    groups: defaultdict[bytes, list[str]] = defaultdict(list)
    for each in seen:
        if each.digest:
            groups[each.digest].append(each.file)
    return [tuple(group) for group in groups.values() if len({files[name].split for name in group}) > 1]


def _torn(items: Iterable[Item]) -> list[str]:
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.subject is not None:
            splits[item.subject].add(item.split)
    return [subject for subject, names in splits.items() if len(names) > 1]


def _advice(data: Dataset, good: Sequence[_Seen]) -> list[str]:
    notes = []
    if data.image.channels in {2, 4}:
        notes.append(f"Images keep alpha as a channel ({mode_name(data.image.channels)}); --background white blends it.")
    if len({each.mode.rsplit(" ", 2)[1] for each in good}) > 1:
        notes.append("Some files have 8 and some 16 bits; both are read to the same range.")
    ratios = [each.size[1] / each.size[0] for each in good]
    cropped = isinstance(data, FileDataset) and data.images.reading.crop is not None
    if max(ratios) > 1.02 * min(ratios) and not cropped:
        notes.append("Images have different proportions; training cuts what stands over, so that nothing is stretched.")
    if data.batch_kind == "paired" and isinstance(data, FileDataset) and not data.images.reading.glued and not cropped:
        size = {each.file: each.size for each in good}  # an image that cannot be read has none, and is named elsewhere
        both = [item for item in data.items if item.file in size and item.partner in size]
        uneven = [item.file for item in both if size[item.file] != size[item.partner or ""]]
        if uneven:
            notes.append(f"Source and target differ in size for {listed(uneven)}. Training refuses them: resize one to the other.")
    return notes


def _too_little(data: Dataset) -> list[str]:
    try:
        grouped(data.split("train") if "train" in data.splits else data)
    except DataError as reason:
        return [f"Training refuses this: {reason}"]
    return []


def _command(path: str, data: Dataset, options: Mapping[str, Any], good: Sequence[_Seen]) -> str:
    if not data.domain.sets and data.batch_kind != "paired":
        return ""
    words = ["i2ikit", "train", _RECIPES[data.batch_kind], "--data", path]
    names = [each.name for each in data.domain.attributes]
    if names and names not in (["domain"], ["expression"]):
        words += ["--labels", ",".join(names)]
    shortest = min(data.image.height, data.image.width)
    words += ["--size", str(min(256, max(32, 1 << (shortest.bit_length() - 1))))]
    background = options.get("background") or ("white" if data.image.channels in {2, 4} or _alpha(good) else None)
    if background:
        words += ["--background", str(background)]
    for name in ("channels", "source_channels", "crop"):
        if options.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    words += ["--run", f"runs/{Path(path.partition(':')[0]).stem or 'first'}"]
    return " ".join(shlex.quote(word) for word in words)


def _alpha(good: Sequence[_Seen]) -> bool:
    return any(each.mode.startswith(("RGBA", "gray with alpha")) for each in good)


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    rest = sum(count for _, count in ordered[8:])
    return ordered[:8] + ([(f"{len(ordered) - 8} others", rest)] if rest else [])


def _table(title: str, rows: Sequence[Sequence[str]], heads: Sequence[str] = ("images",)) -> list[str]:
    wide = max([len(title), *(len(row[0]) for row in rows)])
    columns = [max([len(head), *(len(row[index + 1]) for row in rows)]) for index, head in enumerate(heads)]
    body = [[title, *heads], *rows]
    return ["  ".join([row[0].ljust(wide), *(cell.rjust(width) for cell, width in zip(row[1:], columns, strict=True))]) for row in body]
