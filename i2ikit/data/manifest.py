"""What a reader of any layout finds, before it becomes a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from i2ikit.errors import DataError

_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@frozen
class Record:
    """One image as its layout describes it.

    Attributes:
        file: Its name in the source.
        split: Empty where the layout has none.
        cells: The text of each column; None or empty is unknown.
        subject: What stays the same when attributes change.
        partner: The name of the target image.
        group: What must not be torn apart by a hold-out: the subject, or the file where it is empty.
    """

    file: str
    split: str = ""
    cells: Mapping[str, str | None] = field(factory=dict)
    subject: str | None = None
    partner: str | None = None
    group: str = ""


@frozen
class Found:
    """Everything that a reader found.

    Attributes:
        records: In the order of the layout.
        columns: The columns of the cells, in order.
        kind: What the layout is when nothing else is asked for.
        labels: The columns to take when nothing else is asked for; empty means all.
        selected: Whether the reader has already taken the labels that were asked for.
        glued: See :class:`i2ikit.data.dataset.Reading`.
        crop: The crop that goes with the layout.
        exclusive: Columns that are groups, with their values in order; others are scored by their cells.
        notes: What was chosen, one line each.
    """

    records: tuple[Record, ...]
    columns: tuple[str, ...] = ()
    batch_kind: str = "labelled"
    labels: tuple[str, ...] = ()
    selected: bool = False
    glued: str = ""
    crop: int | None = None
    exclusive: Mapping[str, tuple[str, ...]] = field(factory=dict)
    notes: tuple[str, ...] = ()


def split_name(text: str, where: str) -> str:
    """Return ``"train"``, ``"val"``, ``"test"``, or nothing for nothing; raise DataError for anything else."""
    word = text.strip().lower()
    if word and word not in _SPLIT_NAMES:
        raise DataError(f'{where} names the split "{text}". Use train, val or test.')
    return _SPLIT_NAMES.get(word, "")


def stem(file: str) -> str:
    """Return the last part of a name without its ending; quicker than pathlib for the hundred thousands of a large set."""
    last = file.rsplit("/", 1)[-1]
    return last.rpartition(".")[0] or last


def split_folder(text: str) -> str:
    """Return the split that a folder is named after, or nothing."""
    return _SPLIT_NAMES.get(text.lower(), "")


def hold_out(found: Found, share: float | None) -> Found:
    """Give every record a split; where there is none, a share of the subjects (files where there are none) becomes ``"test"``.

    A subject is held out by its name alone, so that adding images never moves another one.

    Args:
        found: What the reader found.
        share: Between 0 and 1; None is 0.1 where the layout has no split of its own, and 0 otherwise.

    Raises:
        DataError: The share is not between 0 and 1.
    """
    if share is not None and not 0 <= share < 1:
        raise DataError(f"A hold-out is a share from 0 up to 1; found {share}.")
    records = tuple(record if record.split else evolve(record, split="train") for record in found.records)
    has_split = any(record.split != "train" for record in records)
    share = (0.0 if has_split else 0.1) if share is None else share
    if not share or any(record.split == "test" for record in records):
        return evolve(found, records=records)
    places = {group: _place(group) for group in (_group(record) for record in records if record.split == "train")}
    if len(places) < 2:
        return evolve(found, records=records)
    held = {group for group, place in places.items() if place < share} or {min(places, key=places.__getitem__)}
    if len(held) == len(places):
        held.discard(max(places, key=places.__getitem__))
    records = tuple(evolve(record, split="test") if record.split == "train" and _group(record) in held else record for record in records)
    count = sum(record.split == "test" for record in records)
    note = f"There is no test split: {count} of {len(records)} images are held out by the hash of subject or name (holdout={share:g})."
    return evolve(found, records=records, notes=(*found.notes, note))


def _group(record: Record) -> str:
    return record.group or record.subject or record.file


def _place(group: str) -> float:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names in quotes, and how many more there are."""
    shown = ", ".join(f'"{name}"' for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
