"""Arrangements of files: what a data set holds, what the loader puts into a batch, and which batch kinds it serves."""

from __future__ import annotations

from typing import Protocol

from attrs import evolve, frozen

from i2ikit.core.batch_kinds import BatchKind


@frozen
class Arrangement:
    """How the files of a data set are arranged.

    Attributes:
        name: The name, which is the ``batch_kind`` of the data set and the ``data`` of batch kinds.
        description: What the loader puts into a batch, in one line.
        has_labels: Whether images may have labels, ``batch["label"]``.
        has_targets: Whether each item is a pair, with ``batch["target"]``.
        has_domains: Whether there is one set of images for each domain, ``batch["images"]``, instead of ``batch["image"]``.
        recipe: A recipe that trains on such data, for the command that a check of the data shows.
    """

    name: str
    description: str
    has_labels: bool = False
    has_targets: bool = False
    has_domains: bool = False
    recipe: str = ""

    @property
    def unit(self) -> str:
        """What is counted: "image" or "pair"."""
        return "pair" if self.has_targets else "image"


ARRANGEMENTS: dict[str, Arrangement] = {
    each.name: each
    for each in (
        Arrangement("labelled", "image and label; a folder for each value, or a table", has_labels=True, recipe="stargan"),
        Arrangement("unpaired", "the images of each domain; a folder for each", has_domains=True, recipe="cyclegan"),
        Arrangement("paired", "image and target; two folders, a table, or pairs side by side", has_targets=True, recipe="pix2pix"),
        Arrangement("images", "image; all images of a folder and its subfolders"),
    )
}
"""The arrangements by name."""


class HasBatchKind(Protocol):
    """A data set, or a manifest."""

    @property
    def batch_kind(self) -> str: ...


def get_arrangement(data: HasBatchKind) -> Arrangement:
    """Return the arrangement of a data set. One of another package with a name of its own has plain images."""
    return ARRANGEMENTS.get(data.batch_kind) or evolve(ARRANGEMENTS["images"], name=data.batch_kind)


def can_serve(data: HasBatchKind, kind: BatchKind) -> bool:
    """Return whether batches of a kind can be made from a data set.

    Labelled images serve kinds without labels too, which leave the labels out; images without labels serve kinds whose labels are optional.
    """
    requested, found = ARRANGEMENTS.get(kind.data), ARRANGEMENTS.get(data.batch_kind)
    if requested is None or found is None or any(each.has_targets or each.has_domains for each in (requested, found)):
        return data.batch_kind == kind.data
    return found.has_labels or kind.label != "required"
