"""Label sets made from the columns of a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from i2ikit.core.domain import NO, NONE, YES, Attribute, DomainSpec, LabelSet
from i2ikit.data.manifest import FIRST_RULES, RULES, Manifest, format_names
from i2ikit.errors import DataError, LabelError, UnknownNameError, format_count
from i2ikit.quoting import join_list

MAX_VALUES = 100
"""A column with more values than this is not a label by default."""

MAX_NUMBERS = 20
"""A column of more different numbers than this is reported: each number is a class of its own."""

MIN_IDENTIFIERS = 4
"""A column of more values, most of which occur once, has names of images."""

MAX_LABELS = 500
"""A table with more columns than this is used only with chosen labels."""

MISSING = frozenset({"n/a", "#n/a", "na", "<na>", "nan", "-nan", "null", "?"})
"""Texts of cells without a value, as programs for tables write them; upper and lower case mean the same."""

Rows = list[dict[str, str | None]]


def declare_labels(
    manifest: Manifest, labels: Sequence[str] | None = None, sets: Sequence[Sequence[str]] | None = None, *, rules: int = RULES
) -> tuple[DomainSpec, Rows, list[str]]:
    """Return the label sets of a manifest, the attribute values of each record, and notes.

    A column of yes and no becomes a binary attribute. Any other column becomes a categorical attribute, with its values in the order of
    first appearance. Columns that are empty in the same rows form one label set.

    Args:
        manifest: The manifest of the reader.
        labels: The columns to use, in this order; None uses all that can be labels.
        sets: The columns of each label set; None groups columns by their empty cells.
        rules: In the first rules, the text "none" had no label entry, and texts such as "N/A" were values.

    Raises:
        UnknownNameError: The data does not have a column.
        LabelError: A requested column has fewer than two values.
        DataError: The sets do not contain each column exactly once, or there are too many columns to use all.
    """
    if labels is None and sets is not None:
        labels = [name for part in sets for name in part]
    requested = labels is not None
    if labels is None:
        labels = manifest.labels or manifest.columns
        if len(labels) > MAX_LABELS:
            raise DataError(
                f"The table has {len(labels):,} columns, more than can be labels ({MAX_LABELS}). Name those to use with the option labels, "
                f'such as "{join_list(labels[:2])}".'
            )
    names = [_find_column(name, manifest.columns) for name in dict.fromkeys(labels)]
    attributes: dict[str, Attribute] = {}
    notes: list[str] = []
    for name in names:
        if missing := _list_missing(manifest, name, rules):
            words = format_names(list(dict.fromkeys(missing)))
            notes.append(f'{format_count(len(missing), "cell")} of column "{name}" without a value ({words}): unknown.')
        attribute, reason = _make_attribute(manifest, name, requested, rules)
        if attribute is not None:
            attributes[name] = attribute
        elif requested:
            raise LabelError(f'Column "{name}" cannot be a label: {reason}.')
        else:
            notes.append(f'Column "{name}" is not a label: {reason}.')
    rows: Rows = [
        {name: _parse_cell(attribute, record.cells.get(name), rules) for name, attribute in attributes.items()}
        for record in manifest.records
    ]
    parts = _parse_sets(sets, attributes) if sets is not None else _group_by_empty_cells(rows, attributes)
    masked = any(value is None for row in rows for value in row.values())
    spec = DomainSpec(tuple(_make_label_set(part, attributes, len(parts)) for part in parts), masked=masked)
    ordered: Rows = [{each.name: row[each.name] for each in spec.attributes} for row in rows]
    return spec, ordered, notes


def _find_column(name: str, columns: Sequence[str]) -> str:
    if name in columns:
        return name
    matches = [column for column in columns if column.lower() == name.lower()]
    if len(matches) == 1:
        return matches[0]
    raise UnknownNameError("label column", name, columns)


def _make_attribute(manifest: Manifest, name: str, requested: bool, rules: int) -> tuple[Attribute | None, str]:
    """Return the attribute of a column, or None and the reason why it cannot be a label."""
    with_none = rules > FIRST_RULES
    if name in manifest.categories:
        return Attribute(name, manifest.categories[name], can_be_none=not with_none or name in manifest.can_be_none), ""
    values = list(dict.fromkeys(text for record in manifest.records if (text := strip_cell(record.cells.get(name), rules)) is not None))
    if not values:
        return None, "all its cells are empty"
    if {value.lower() for value in values} <= {*YES, *NO}:
        if len({value.lower() in YES for value in values}) == 1:
            return None, f'it has only one value ("{values[0]}")'
        return Attribute(name), ""
    if len(values) > MAX_VALUES and not requested:
        return None, f"it has {len(values)} different values"
    chosen = tuple(value for value in values if with_none or value != NONE)
    if len(chosen) < 2:
        return None, f'it has only one value ("{values[0]}")'
    return Attribute(name, chosen, can_be_none=not with_none), ""


def strip_cell(cell: str | None, rules: int = RULES) -> str | None:
    """Return the value of a cell, or None if it has none."""
    text = "" if cell is None else cell.strip()
    return None if not text or (rules > FIRST_RULES and text.lower() in MISSING) else text


def _list_missing(manifest: Manifest, name: str, rules: int) -> list[str]:
    """Return the texts of cells in a column that stand for a missing value."""
    if rules == FIRST_RULES or name in manifest.categories:  # such as of a folder "na"
        return []
    texts = ((record.cells.get(name) or "").strip() for record in manifest.records)
    return [text for text in texts if text.lower() in MISSING]


def _parse_cell(attribute: Attribute, cell: str | None, rules: int) -> str | None:
    if cell is not None and cell.strip() in attribute.values:
        return cell.strip()
    text = strip_cell(cell, rules)
    if text is None or attribute.values:
        return text
    return "yes" if text.lower() in YES else "no"


def _group_by_empty_cells(rows: Rows, attributes: Mapping[str, Attribute]) -> list[list[str]]:
    patterns: dict[bytes, list[str]] = {}
    for name in attributes:
        patterns.setdefault(bytes(row[name] is None for row in rows), []).append(name)
    return list(patterns.values())


def _parse_sets(sets: Sequence[Sequence[str]], attributes: Mapping[str, Attribute]) -> list[list[str]]:
    parts = [[_find_column(name, list(attributes)) for name in part] for part in sets]
    names = [name for part in parts for name in part]
    repeated = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in attributes if name not in names]
    if repeated or missing or not all(parts):
        problem = (
            f"{format_names(repeated)} is repeated" if repeated else f"{format_names(missing)} is missing" if missing else "a set is empty"
        )
        raise DataError(f"sets= must contain each label column exactly once, but {problem}.")
    return parts


def _make_label_set(part: Sequence[str], attributes: Mapping[str, Attribute], count: int) -> LabelSet:
    return LabelSet("labels" if count == 1 else "+".join(part), tuple(attributes[name] for name in part))


def is_measure(values: Collection[str]) -> bool:
    """Return whether the values of a column are many numbers, such as ages: measures rather than classes."""
    return len(values) > MAX_NUMBERS and all(map(is_numeric, values))


def is_identifier(cells: Sequence[str | None]) -> bool:
    """Return whether most of the values of a column occur once, as names of persons do: they tell images apart rather than classes."""
    found = Counter(cells)
    return len(found) > MIN_IDENTIFIERS and 2 * sum(count == 1 for count in found.values()) > len(cells)


def is_numeric(text: str) -> bool:
    """Return whether a text is a number."""
    with suppress(ValueError):
        float(text)
        return True
    return False
