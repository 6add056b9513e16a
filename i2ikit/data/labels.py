"""From columns of text to declared label sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from i2ikit.core.domain import NO, NONE, YES, Attribute, DomainSpec, LabelSet
from i2ikit.data.manifest import Found, listed
from i2ikit.errors import DataError, LabelError, UnknownNameError

MOST_VALUES = 100
"""A column with more values than this is text for people, not a label, unless it is asked for."""

Rows = list[dict[str, str | None]]


def declare(
    found: Found, labels: Sequence[str] | None = None, sets: Sequence[Sequence[str]] | None = None
) -> tuple[DomainSpec, Rows, list[str]]:
    """Return the label sets of columns, the row of each record and notes.

    A column of yes and no is an independent attribute, any other an exclusive group whose values stand in order of first appearance.
    Columns that are empty in the same rows form one set.

    Args:
        found: What a reader found.
        labels: The columns to take, in this order; None takes all that can be labels.
        sets: The columns of each set, where the pattern of empty cells shall not decide.

    Raises:
        UnknownNameError: A column that the data does not have.
        LabelError: A column that was asked for and has fewer than two values.
        DataError: The sets do not hold each column once.
    """
    if labels is None and sets is not None:
        labels = [name for part in sets for name in part]
    asked = labels is not None
    if labels is None:
        labels = found.labels or found.columns
    names = [_known(name, found.columns) for name in dict.fromkeys(labels)]
    attributes: dict[str, Attribute] = {}
    notes: list[str] = []
    for name in names:
        attribute, reason = _attribute(found, name, asked)
        if attribute is not None:
            attributes[name] = attribute
        elif asked:
            raise LabelError(f'Column "{name}" cannot be a label: {reason}.')
        else:
            notes.append(f'Column "{name}" is left out: {reason}.')
    rows: Rows = [{name: _value(attribute, record.cells.get(name)) for name, attribute in attributes.items()} for record in found.records]
    parts = _given_sets(sets, attributes) if sets is not None else _sets_by_pattern(rows, attributes)
    masked = any(value is None for row in rows for value in row.values())
    spec = DomainSpec(tuple(_label_set(part, attributes, len(parts)) for part in parts), masked=masked)
    ordered: Rows = [{each.name: row[each.name] for each in spec.attributes} for row in rows]
    return spec, ordered, notes


def _known(name: str, columns: Sequence[str]) -> str:
    if name in columns:
        return name
    matches = [column for column in columns if column.lower() == name.lower()]
    if len(matches) == 1:
        return matches[0]
    raise UnknownNameError("label column", name, columns)


def _attribute(found: Found, name: str, asked: bool) -> tuple[Attribute | None, str]:
    if name in found.exclusive:
        return Attribute(name, found.exclusive[name]), ""
    values = list(dict.fromkeys(text for record in found.records if (text := _clean(record.cells.get(name))) is not None))
    if not values:
        return None, "all its cells are empty"
    if {value.lower() for value in values} <= {*YES, *NO}:
        if len({value.lower() in YES for value in values}) == 1:
            return None, f'it has one value only ("{values[0]}")'
        return Attribute(name), ""
    if len(values) > MOST_VALUES and not asked:
        return None, f"it has {len(values)} different values"
    groups = tuple(value for value in values if value != NONE)
    if len(groups) < 2:
        return None, f'it has one value only ("{values[0]}")'
    return Attribute(name, groups), ""


def _clean(cell: str | None) -> str | None:
    return None if cell is None or not cell.strip() else cell.strip()


def _value(attribute: Attribute, cell: str | None) -> str | None:
    text = _clean(cell)
    if text is None or attribute.values:
        return text
    return "yes" if text.lower() in YES else "no"


def _sets_by_pattern(rows: Rows, attributes: Mapping[str, Attribute]) -> list[list[str]]:
    patterns: dict[bytes, list[str]] = {}
    for name in attributes:
        patterns.setdefault(bytes(row[name] is None for row in rows), []).append(name)
    return list(patterns.values())


def _given_sets(sets: Sequence[Sequence[str]], attributes: Mapping[str, Attribute]) -> list[list[str]]:
    parts = [[_known(name, list(attributes)) for name in part] for part in sets]
    held = [name for part in parts for name in part]
    twice = sorted({name for name in held if held.count(name) > 1})
    left = [name for name in attributes if name not in held]
    if twice or left or not all(parts):
        problem = f"{listed(twice)} twice" if twice else f"not {listed(left)}" if left else "an empty set"
        raise DataError(f"The label sets must hold each column once; found {problem}.")
    return parts


def _label_set(part: Sequence[str], attributes: Mapping[str, Attribute], count: int) -> LabelSet:
    return LabelSet("labels" if count == 1 else "+".join(part), tuple(attributes[name] for name in part))
