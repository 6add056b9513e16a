"""The manifest: what the reader of a layout returns, before it becomes a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from i2ikit.errors import DataError

FIRST_RULES, RULES = 1, 2
"""The first and the present rules by which data is read; see ``rules`` of :func:`i2ikit.data.open_data`."""

_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@frozen
class Record:
    """One row of a manifest: one image.

    Attributes:
        file: Name of the file in its source.
        split: Split of the image; empty if the layout has no splits.
        cells: Text of each column; None or an empty text means unknown.
        subject: Identity that does not change when attributes change, such as a person.
        target_file: Name of the target image of a pair.
        group: Images of one group are held out together; if empty, the subject is the group, else the file.
    """

    file: str
    split: str = ""
    cells: Mapping[str, str | None] = field(factory=dict)
    subject: str | None = None
    target_file: str | None = None
    group: str = ""


@frozen
class Manifest:
    """All images of a layout, and how the layout describes them.

    Attributes:
        records: One for each image, in the order of the layout.
        columns: The columns of the cells, in order.
        batch_kind: The arrangement of the files, unless the user requests another one.
        labels: The columns that are labels by default; empty means all.
        labels_selected: Whether the reader has already selected the requested labels.
        glued: See :class:`i2ikit.data.images.Reading`.
        crop: The usual crop of this data set, in pixels.
        categories: Columns that are categorical attributes, with their values in order. The type of the other columns follows from their
            cells.
        can_be_none: Columns with ``categories`` whose cell may be ``"none"``, which has no label entry.
        left_out: Names of the images that the reader leaves out, by cause.
        notes: What the reader chose, one line each.
    """

    records: tuple[Record, ...]
    columns: tuple[str, ...] = ()
    batch_kind: str = "labelled"
    labels: tuple[str, ...] = ()
    labels_selected: bool = False
    glued: str = ""
    crop: int | None = None
    categories: Mapping[str, tuple[str, ...]] = field(factory=dict)
    can_be_none: tuple[str, ...] = ()
    left_out: Mapping[str, Sequence[str]] = field(factory=dict)
    notes: tuple[str, ...] = ()


def parse_split(text: str, where: str) -> str:
    """Return ``"train"``, ``"val"`` or ``"test"`` for a split name, and an empty text for an empty text.

    Raises:
        DataError: The text is not the name of a split.
    """
    word = text.strip().lower()
    if word and word not in _SPLIT_NAMES:
        raise DataError(f'{where} has the split "{text}". Use train, val or test.')
    return _SPLIT_NAMES.get(word, "")


def find_split(folder: str) -> str:
    """Return the split that a folder name stands for, or an empty text."""
    return _SPLIT_NAMES.get(folder.lower(), "")


def get_stem(file: str) -> str:
    """Return the last part of a name without its suffix.

    Pathlib is too slow for the hundred thousands of names of a large data set.
    """
    last = file.rsplit("/", 1)[-1]
    return last.rpartition(".")[0] or last


def format_names(names: Sequence[str], most: int = 3) -> str:
    """Return the first ``most`` names in quotes, and how many more there are."""
    shown = ", ".join(f'"{name}"' for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
