"""Values that the training images have, and the images for the evaluation have not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from i2ikit.core.domain import DomainSpec
from i2ikit.data.dataset import Item
from i2ikit.data.labels import is_identifier, is_measure
from i2ikit.data.manifest import format_names

MissingValues = list[tuple[str, str]]
"""Pairs of an attribute and a value."""


def find_missing_values(domain: DomainSpec, items: Iterable[Item], split: str) -> MissingValues:
    """Return each attribute and value that images of the split "train" have, and none of another split."""
    there: dict[str, set[tuple[str, str | None]]] = {"train": set(), split: set()}
    for item in items:
        if item.split in there:
            there[item.split].update(item.row.items())
    pairs = ((each.name, value) for each in domain.attributes for value in each.choices)
    return [pair for pair in pairs if pair in there["train"] and pair not in there[split]]


def describe_missing_values(domain: DomainSpec, items: Sequence[Item]) -> str:
    """Return a sentence about values that the split for the evaluation lacks; an empty text if there are none or no such split.

    Measures such as ages, and names of single images, are no classes, each of which should be measured.
    """
    splits = {item.split for item in items}
    split = next((name for name in ("test", "val") if name in splits), "")
    measures = {
        each.name for each in domain.attributes if is_measure(each.choices) or is_identifier([item.row.get(each.name) for item in items])
    }
    missing = [pair for pair in find_missing_values(domain, items, split) if pair[0] not in measures] if split else []
    if not missing:
        return ""
    return (
        f'The split "{split}" has no images of {format_values(domain, missing)}: translations of such images are not measured, and sample '
        "grids show training images instead."
    )


def format_values(domain: DomainSpec, values: MissingValues) -> str:
    """Return values in quotes; each with its attribute if there are several attributes."""
    return format_names([value if domain.names else f"{name}: {value}" for name, value in values], 5)
