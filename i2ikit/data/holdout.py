"""Splits of a manifest: what the layout names, else a held-out share of every value."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from i2ikit.core.domain import NO, YES
from i2ikit.data.labels import MAX_LABELS, MAX_NUMBERS, MAX_VALUES, is_numeric, strip_cell
from i2ikit.data.manifest import FIRST_RULES, RULES, Manifest, Record
from i2ikit.errors import DataError

MIN_GROUPS = 3
"""A value of a table gets a test image for its own sake if it has this many groups."""


def assign_splits(manifest: Manifest, share: float | None, *, labels: Sequence[str] | None = None, rules: int = RULES) -> Manifest:
    """Give every record a split; if there is no test split, hold out a share of the groups as ``"test"``.

    A group is held out if a hash of its name is below the share. Then every value is brought to between half and twice the share, at least
    one group, where the others allow it. So each value has test images and training images, and new images seldom move other images. A
    value of a table that has one or two groups gets no test image for its own sake: many such values would hold out half of the data.

    Args:
        manifest: The manifest of the reader.
        share: The share of the groups to hold out, at least 0 and less than 1; None means 0.1 if the layout has no splits, else 0.
        labels: The columns that the user chose. The other columns count too, if they can be labels: a choice of labels moves no image.
        rules: 1 leaves out the second step, as runs of earlier versions did.

    Raises:
        DataError: The share is out of range.
    """
    if share is not None and not 0 <= share < 1:
        raise DataError(f"holdout must be at least 0 and less than 1; found {share}.")
    records = tuple(record if record.split else evolve(record, split="train") for record in manifest.records)
    manifest = evolve(manifest, records=records)
    has_split = any(record.split != "train" for record in records)
    share = (0.0 if has_split else 0.1) if share is None else share
    if not share or any(record.split == "test" for record in records):
        return manifest
    fractions = {group: _hash_to_fraction(group) for group in (_get_group(record) for record in records if record.split == "train")}
    if len(fractions) < 2:
        return manifest
    held_out = {group for group, fraction in fractions.items() if fraction < share}
    held_out = _complete(held_out, fractions) if rules == FIRST_RULES else _balance(held_out, fractions, manifest, share, labels)
    records = tuple(
        evolve(record, split="test") if record.split == "train" and _get_group(record) in held_out else record for record in records
    )
    count = sum(record.split == "test" for record in records)
    if not count:
        return manifest
    note = (
        f"The data has no test split. {count} of {len(records)} images are held out as test images, chosen by a hash of the subject or "
        f"the file name (holdout={share:g})."
    )
    return evolve(manifest, records=records, notes=(*manifest.notes, note))


def _complete(held_out: set[str], fractions: Mapping[str, float]) -> set[str]:
    held_out = held_out or {min(fractions, key=fractions.__getitem__)}
    return held_out - {max(fractions, key=fractions.__getitem__)} if len(held_out) == len(fractions) else held_out


def _balance(
    held_out: set[str], fractions: Mapping[str, float], manifest: Manifest, share: float, labels: Sequence[str] | None
) -> set[str]:
    """Return the groups to hold out such that every value has some, and keeps some for training.

    A domain of unpaired data keeps two groups, without which it cannot be trained. A value of fewer groups keeps all of them, unless its
    column has such values for the most part: those are names of images rather than labels. A rare value is only kept from losing all of
    its groups, unless it is a domain: those are few.
    """
    kept = 2 if manifest.batch_kind == "unpaired" else 1
    names = list(fractions)
    order = np.argsort(np.array(list(fractions.values())))  # groups are rows from here on, and sets of groups are arrays of rows
    rank = np.argsort(order)
    held = np.array([name in held_out for name in names])
    columns = _list_values(manifest, {name: row for row, name in enumerate(names)}, labels or ())
    strata = [order, *(rows[np.argsort(rank[rows])] for column in columns for rows in column if len(rows) > kept)]
    strata.sort(key=len)
    is_domain = bool(manifest.categories) or manifest.batch_kind == "unpaired"
    required = [rows for rows in strata if len(rows) >= MIN_GROUPS or is_domain or rows is order]
    never = np.zeros(len(names), dtype=bool)
    for column in columns:
        if 2 * len(column) <= len(np.unique(np.concatenate(column))):
            for rows in column:
                never[rows] |= len(rows) <= kept
    held &= ~never
    for rows in strata:
        most = max(1, min(len(rows) - kept, math.ceil(2 * share * len(rows))))
        held[rows[held[rows]][most:]] = False
    for rows in required:  # the rarest value first: its groups count for the others
        missing = max(1, round(share * len(rows) / 2)) - int(held[rows].sum())
        for row in rows[~held[rows] & ~never[rows]] if missing > 0 else ():
            if missing > 0 and all((~held[each]).sum() > kept for each in strata if row in each):
                held[row] = True
                missing -= 1
    return {name for name, is_held in zip(names, held, strict=True) if is_held}


def _list_values(manifest: Manifest, rows: Mapping[str, int], labels: Sequence[str]) -> list[list[NDArray[np.int64]]]:
    """Return for each column that can be a label the groups of the training images of each value, as rows."""
    records = [record for record in manifest.records if record.split == "train"]
    groups = np.array([rows[_get_group(record)] for record in records])
    requested = {name.lower() for name in labels}
    has_single_images = len(np.unique(groups)) == len(groups)
    found: list[list[NDArray[np.int64]]] = []
    columns = manifest.columns if len(manifest.columns) <= MAX_LABELS else [name for name in manifest.columns if name.lower() in requested]
    for column in columns:
        texts = [record.cells.get(column) for record in records]
        rules = FIRST_RULES if column in manifest.categories else RULES  # a folder may have the name of a missing value, such as "na"
        words = {text: strip_cell(text, rules) or "" for text in dict.fromkeys(texts)}
        if {word.lower() for word in words.values()} <= {"", *YES, *NO}:
            words = {text: word and ("yes" if word.lower() in YES else "no") for text, word in words.items()}
        numbers = {word: number for number, word in enumerate(dict.fromkeys(["", *words.values()]))}  # 0 is unknown
        number_of_text = {text: numbers[word] for text, word in words.items()}
        cells = np.array([number_of_text[text] for text in texts])
        values = np.unique(cells[cells > 0])
        if len(values) > MAX_NUMBERS and all(map(is_numeric, numbers.keys() - {""})) and column not in manifest.categories:
            continue  # a measure such as an age, not a label
        if 1 < len(values) <= MAX_VALUES or (len(values) and column.lower() in requested):
            members = [groups[cells == value] for value in values]
            found.append(members if has_single_images else [np.unique(rows) for rows in members])
    return found


def _get_group(record: Record) -> str:
    return record.group or record.subject or record.file


def _hash_to_fraction(group: str) -> float:
    # "surrogatepass": names of files that are not UTF-8 hold surrogates, and so may texts of JSONL tables.
    return int.from_bytes(hashlib.sha256(group.encode(errors="surrogatepass")).digest()[:8], "big") / 2**64
