"""Titles of the examples of a sample grid: what is requested of an image."""

from __future__ import annotations

from pathlib import PurePosixPath

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.data.dataset import Item


def describe_value(name: str | None, value: str | None) -> str:
    """Return the value of an attribute as text, such as "hair: blond" or "no glasses"."""
    texts = {"yes": f"{name}", "no": f"no {name}"}
    return texts.get(str(value), f"{name}: {value}")


def describe_request(kind: BatchKind, item: Item, attribute: str | None, value: str | None) -> str:
    """Return what is requested of an item: a direction such as "photo → sketch", or a value such as "hair: blond"."""
    if attribute is None:
        return describe_pair(item) if kind.target else "translation"
    source = item.row.get(attribute)
    return f"{source} → {value}" if kind.domains and source is not None else describe_value(attribute, value)


def describe_pair(item: Item) -> str:
    """Return the direction of a pair, by the names of the folders of its images if these differ."""
    if item.target_file is not None:
        parts = zip(PurePosixPath(item.file).parts[:-1], PurePosixPath(item.target_file).parts[:-1], strict=False)
        for source, target in parts:
            if source != target:
                return f"{_remove_split(source, item.split)} → {_remove_split(target, item.split)}"
    return "source → target"


def _remove_split(folder: str, split: str) -> str:
    """Return the name of a folder such as ``testA`` without its split."""
    rest = folder[len(split) :].lstrip("_-") if folder.lower().startswith(split) else folder
    return rest or folder
