"""The report of a check: what was found, as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.left_out import count_left_out
from i2ikit.data.manifest import format_names
from i2ikit.errors import format_count

MAX_ROWS = 20
"""An attribute of more values is shown by half as many and the rest together."""


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
        reason: Why there is no command, or what else to know about it.
        left_out: Names of files that the data set does not use, by cause.
        repeated: Groups of files with equal content in several folders of one split.
        values: A range that holds the values of all files, if some cannot be read because it is not declared.
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
    reason: str = ""
    left_out: Mapping[str, Sequence[str]] = field(factory=dict)
    repeated: Sequence[tuple[str, ...]] = ()
    values: tuple[float, float] | None = None

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
                [f"{name} = {value}", *(str(counts.get(split, 0)) for split in splits)]
                for name in names
                for value, counts in fold_values(self.labels[name])
            ]
            lines += ["", *_format_table("label set: " + ", ".join(names), rows, splits)]
        lines += self._format_problems()
        lines += [f"note: {note}" for note in self.notes]
        lines += ["", "train with:", f"  {self.command}"] if self.command else [""]
        lines += [self.reason] if self.reason else []
        return "\n".join(lines)

    def _format_problems(self) -> list[str]:
        lines = [""] + ["all images can be read"] * (not self.unreadable)
        lines += [f"unreadable: {reason}" for _, reason in self.unreadable[:20]]
        if len(self.unreadable) > 20:
            lines.append(f"unreadable: {len(self.unreadable) - 20} more")
        if self.odd_channels:
            names = format_names(self.odd_channels, 5)
            lines.append(f"other channels than most files: {names}. --background white blends alpha, --channels 3 repeats grey.")
        lines += [f"same content in two splits: {format_names(group)}" for group in self.duplicates[:5]]
        if len(self.duplicates) > 5:
            lines.append(f"same content in two splits: {len(self.duplicates) - 5} groups more")
        if self.shared_subjects:
            lines.append(f"subjects in two splits: {format_names(self.shared_subjects, 5)}")
        lines += [f"same content in several folders: {format_names(group)}" for group in self.repeated[:5]]
        if len(self.repeated) > 5:
            lines.append(f"same content in several folders: {len(self.repeated) - 5} groups more")
        lines += [f"left out: {count_left_out(cause, names)}: {format_names(names, 5)}" for cause, names in self.left_out.items()]
        return lines


def fold_values(counts: Mapping[str | None, Mapping[str, int]]) -> list[tuple[str, Mapping[str, int]]]:
    """Return the values of an attribute with their counts, as a report shows them: of many values the first ones, and the rest together."""
    values = [value for value in counts if value is not None]
    first = values if len(values) <= MAX_ROWS else values[: MAX_ROWS // 2]
    rows: list[tuple[str, Mapping[str, int]]] = [(value, counts[value]) for value in first]
    if rest := values[len(first) :]:
        total = Counter[str]()
        for value in rest:
            total.update(counts[value])
        rows.append((f"({len(rest)} more values)", total))
    return rows + ([("(unknown)", counts[None])] if None in counts else [])


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
