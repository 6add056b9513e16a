"""CelebA as it is distributed: ``list_attr_celeba.txt`` beside the aligned images."""

from __future__ import annotations

import random
from collections.abc import Sequence

from i2ikit.data.manifest import Found, Record, listed, stem
from i2ikit.data.source import Source
from i2ikit.errors import DataError, UnknownNameError
from i2ikit.pixels import is_image

LIST = "list_attr_celeba.txt"
CROP = 178
TEST_IMAGES = 2000
HAIR = {"Black_Hair": "black", "Blond_Hair": "blond", "Brown_Hair": "brown", "Gray_Hair": "gray"}
PAPER = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
"""The labels of StarGAN's paper (section 5.1)."""


def find_list(source: Source) -> str | None:
    """Return the name of the attribute list, or None."""
    return next((file for file in source.files if file.rsplit("/", 1)[-1] == LIST), None)


def read_list(source: Source, table: str, labels: Sequence[str] | None = None) -> Found:
    """Read CelebA with the labels of StarGAN's paper, or with those that are asked for.

    Two or more hair colours become the exclusive group ``hair``, in which an image may be ``none``; other attributes are yes or no, under
    their name in lower case. The rows are shuffled with seed 1234 as StarGAN does, and the first 2,000 are the test split.

    Args:
        source: Where list and images lie.
        table: The name of the list.
        labels: CelebA's names, in any case, or ``"hair"`` for black, blond and brown.

    Raises:
        DataError: A damaged list, or images that are missing.
        UnknownNameError: A label that the list does not have.
    """
    lines = [line.split() for line in source.read(table).decode("utf-8", "replace").splitlines()]
    if len(lines) < 3 or len(lines[0]) != 1:
        raise DataError(f'"{table}" is not CelebA\'s list: a line with the count, a line with the names, then one line an image.')
    names, rows = lines[1], [line for line in lines[2:] if line]
    for number, line in enumerate(rows, 3):
        if len(line) != len(names) + 1:
            raise DataError(f'Line {number} of "{table}" has {len(line) - 1} values for {len(names)} attributes.')
    chosen = _chosen(labels or PAPER, names)
    colours = [name for name in chosen if name in HAIR]
    grouped = colours if len(colours) > 1 else []
    columns = tuple(dict.fromkeys("hair" if name in grouped else name.lower() for name in chosen))
    files = _files(source, table, [line[0] for line in rows])
    place = {name: index + 1 for index, name in enumerate(names)}
    records: list[Record] = []
    several = 0
    shuffled = list(zip(rows, files, strict=True))
    random.Random(1234).shuffle(shuffled)
    tested = TEST_IMAGES if len(rows) > 2 * TEST_IMAGES else 0
    for index, (line, file) in enumerate(shuffled):
        cells: dict[str, str | None] = {name.lower(): "yes" if line[place[name]] == "1" else "no" for name in chosen if name not in grouped}
        if grouped:
            true = [HAIR[name] for name in grouped if line[place[name]] == "1"]
            several += len(true) > 1
            cells["hair"] = true[0] if true else "none"
        records.append(Record(file, ("test" if index < tested else "train") if tested else "", cells))
    notes = [f"{several} images have several hair colours; the first counts."] if several else []
    if tested:
        notes.append(f"The test split is the first {tested} rows after shuffling with seed 1234, as in StarGAN.")
    exclusive = {"hair": tuple(HAIR[name] for name in grouped)} if grouped else {}
    return Found(tuple(records), columns, selected=True, crop=CROP, exclusive=exclusive, notes=tuple(notes))


def _chosen(labels: Sequence[str], names: Sequence[str]) -> list[str]:
    by_lower = {name.lower(): name for name in names}
    chosen: list[str] = []
    for label in labels:
        if label.lower() == "hair":
            chosen += [name for name in PAPER if name in HAIR and name in names]
        elif label.lower() in by_lower:
            chosen.append(by_lower[label.lower()])
        else:
            raise UnknownNameError("label column", label, [*names, "hair"])
    return list(dict.fromkeys(chosen))


def _files(source: Source, table: str, names: Sequence[str]) -> list[str]:
    # the images lie beside the list, in img_align_celeba/, in images/ or in Img/img_align_celeba_png/, as JPEG or as PNG
    by_stem: dict[str, str] = {}
    for file in source.files:
        if is_image(file):
            name = stem(file)
            if name not in by_stem or "align" in file:
                by_stem[name] = file
    missing = [name for name in names if stem(name) not in by_stem]
    if missing:
        raise DataError(f'"{table}" names {listed(missing)}, not in "{source.path}". Unpack img_align_celeba beside the list.')
    return [by_stem[stem(name)] for name in names]
