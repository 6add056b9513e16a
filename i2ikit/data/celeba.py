"""Reader of CelebA as distributed, a list of attributes and the folder of aligned images, and of other lists of this form."""

from __future__ import annotations

import random
from collections.abc import Sequence

from i2ikit.data.manifest import Manifest, Record, format_names, get_stem
from i2ikit.data.source import MAX_FILE_BYTES, Source
from i2ikit.data.table_text import read_rows, read_text, split_header
from i2ikit.errors import DataError, UnknownNameError, format_count
from i2ikit.pixels import is_image

LIST_NAMES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
"""The list of attributes as its authors distribute it, and as Kaggle does."""
FILE_COLUMN = "image_id"
CROP = 178
TEST_IMAGES = 2000
PARTITION = "list_eval_partition."
"""The beginning of the name of the file with the split of CelebA's authors."""
HAIR_COLOURS = {"Black_Hair": "black", "Blond_Hair": "blond", "Brown_Hair": "brown", "Gray_Hair": "gray"}
_SIGNS = {"1", "-1", "0"}
_HEAD = 100_000  # characters in which the third line begins
PAPER_LABELS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
"""The labels of the StarGAN paper (section 5.1)."""


def find_attribute_list(source: Source, names: Sequence[str] = LIST_NAMES) -> str | None:
    """Return the name of CelebA's attribute list in a source, or None."""
    files = {file.rsplit("/", 1)[-1]: file for file in reversed(source.files)}
    return next((files[name] for name in names if name in files and is_attribute_list(source, files[name])), None)


def find_similar_list(source: Source) -> str | None:
    """Return the name of another list of CelebA's form in a source, such as ``list_attr_emoji.txt``, or None."""
    named = [file for file in source.files if file.lower().endswith(".txt") and file.count("/") <= 1 and "attr" in file.lower()]
    return next((file for file in named if is_attribute_list(source, file)), None)


def is_attribute_list(source: Source, file: str) -> bool:
    """Return whether a file is CelebA's attribute list, or has its form: a count, names of attributes, and rows of 1 and -1."""
    name = file.rsplit("/", 1)[-1]
    if name == LIST_NAMES[0]:
        return True
    if source.size(file) > MAX_FILE_BYTES or not (name == LIST_NAMES[1] or name.lower().endswith(".txt")):
        return False
    text = read_text(source, file, "replace")
    if name == LIST_NAMES[1]:
        return FILE_COLUMN in split_header(text, (FILE_COLUMN,))[0]
    lines = [line.split() for line in text[:_HEAD].splitlines()[:3]]
    if len(lines) < 3 or len(lines[0]) != 1 or not lines[0][0].isdigit():
        return False
    return len(lines[2]) == len(lines[1]) + 1 > 1 and is_image(lines[2][0]) and set(lines[2][1:]) <= _SIGNS


def read_celeba(source: Source, table: str, labels: Sequence[str] | None = None) -> Manifest:
    """Read CelebA with the requested labels; the default is the labels of the StarGAN paper.

    Two or more hair colours become the categorical attribute ``hair``, whose value is ``none`` for an image with none of them. Every other
    attribute is yes or no, and its name is in lower case. The rows are shuffled with seed 1234 as in StarGAN's code, and the first 2,000
    rows are the test split.

    Args:
        source: Where the list and the images are.
        table: The name of the list.
        labels: CelebA's names in upper or lower case; ``"hair"`` means black, blond and brown hair.

    Raises:
        DataError: The list is damaged, or images are missing.
        UnknownNameError: The list does not have a label.
    """
    names, rows = _read_csv(source, table) if table.endswith(".csv") else _read_list(source, table)
    is_celeba = table.rsplit("/", 1)[-1] in LIST_NAMES
    chosen = _select_columns(labels or [name for name in PAPER_LABELS if name in names] or names, names)
    position = {name: index + 1 for index, name in enumerate(names)}
    for line in rows:
        if odd := next((name for name in chosen if line[position[name]] not in _SIGNS), None):
            raise DataError(f'"{table}" has the value "{line[position[odd]]}" of "{odd}" for "{line[0]}". Expected 1 or -1.')
    colours = [name for name in chosen if name in HAIR_COLOURS]
    grouped = colours if len(colours) > 1 else []
    columns = tuple(dict.fromkeys("hair" if name in grouped else name.lower() for name in chosen))
    files = _find_images(source, table, [line[0] for line in rows])
    used = set(files)
    unused = [file for file in source.files if is_image(file) and file not in used]
    records: list[Record] = []
    several = 0
    shuffled = list(zip(rows, files, strict=True))
    random.Random(1234).shuffle(shuffled)
    test_images = TEST_IMAGES if is_celeba and len(rows) > 2 * TEST_IMAGES else 0
    for index, (line, file) in enumerate(shuffled):
        cells: dict[str, str | None] = {
            name.lower(): "yes" if line[position[name]] == "1" else "no" for name in chosen if name not in grouped
        }
        if grouped:
            present = [HAIR_COLOURS[name] for name in grouped if line[position[name]] == "1"]
            several += len(present) > 1
            cells["hair"] = present[0] if present else "none"
        records.append(Record(file, ("test" if index < test_images else "train") if test_images else "", cells))
    notes = [f"{format_count(several, 'image')} with several hair colours: the first one is used."] if several else []
    if test_images:
        notes.append(f"The test split is the first {test_images} rows after shuffling with seed 1234, as in StarGAN.")
    notes += _describe_choice(columns, labels, names) + _describe_partition(source)
    categories = {"hair": tuple(HAIR_COLOURS[name] for name in grouped)} if grouped else {}
    return Manifest(
        tuple(records),
        columns,
        labels_selected=True,
        crop=CROP if is_celeba else None,
        categories=categories,
        can_be_none=tuple(categories),  # an image may have none of the chosen hair colours
        left_out={f'not named in the list "{table}"': unused},
        notes=tuple(notes),
    )


def _describe_choice(columns: Sequence[str], labels: Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """Return a note if only the labels of the paper are used, although the list has others."""
    others = [name for name in names if name not in PAPER_LABELS]
    if labels or not others or not any(name in PAPER_LABELS for name in names):
        return []
    return [f"The labels are those of StarGAN's paper: {', '.join(columns)}. labels= chooses others, such as {', '.join(others[:3])}."]


def _describe_partition(source: Source) -> list[str]:
    """Return a note if the split of CelebA's authors is there, which is not used."""
    found = [file for file in source.files if file.rpartition("/")[2].startswith(PARTITION)]
    if not found:
        return []
    note = (
        f'The split of "{found[0]}" is not used, so that numbers compare with those of StarGAN. To use it, write a table attributes.csv '
        'with its columns "file" and "split" and those of the labels, and open this table.'
    )
    return [note]


def _read_list(source: Source, table: str) -> tuple[list[str], list[list[str]]]:
    """Return the attribute names and the rows of a text: the name of an image, and 1 or -1 for each attribute."""
    lines = [line.split() for line in read_text(source, table, "replace").splitlines()]
    if len(lines) < 3 or len(lines[0]) != 1:
        raise DataError(
            f'"{table}" is not an attribute list of CelebA. Expected the number of images in line 1, the attribute names in line 2, and '
            "then one line for each image."
        )
    names, rows = lines[1], [line for line in lines[2:] if line]
    for number, line in enumerate(rows, 3):
        if len(line) != len(names) + 1:
            raise DataError(f'Line {number} of "{table}" has {len(line) - 1} values for {len(names)} attributes.')
    return names, rows


def _read_csv(source: Source, table: str) -> tuple[list[str], list[list[str]]]:
    """Return the attribute names and the rows of a CSV table with the column ``image_id``, as :func:`_read_list` does."""
    text = read_text(source, table)
    header, delimiter = split_header(text, (FILE_COLUMN,))
    place = header.index(FILE_COLUMN)
    columns = [index for index in range(len(header)) if index != place]
    rows = [[cells[place].strip(), *(cells[index].strip() for index in columns)] for _, cells in read_rows(text, delimiter, table)]
    return [header[index] for index in columns], rows


def _select_columns(labels: Sequence[str], names: Sequence[str]) -> list[str]:
    by_lower = {name.lower(): name for name in names}
    chosen: list[str] = []
    for label in labels:
        if label.lower() == "hair":
            chosen += [name for name in PAPER_LABELS if name in HAIR_COLOURS and name in names]
        elif label.lower() in by_lower:
            chosen.append(by_lower[label.lower()])
        else:
            raise UnknownNameError("label column", label, [*names, "hair"])
    return list(dict.fromkeys(chosen))


def _find_images(source: Source, table: str, names: Sequence[str]) -> list[str]:
    # The images are in the folder of the list, in img_align_celeba/, in images/ or in Img/img_align_celeba_png/, as JPEG or PNG.
    by_stem: dict[str, str] = {}
    for file in source.files:
        if is_image(file):
            name = get_stem(file)
            if name not in by_stem or "align" in file:
                by_stem[name] = file
    missing = [name for name in names if get_stem(name) not in by_stem]
    if missing:
        raise DataError(
            f'"{table}" names {format_names(missing)}, but "{source.path}" does not have these images. Unpack img_align_celeba into the '
            "folder of the list."
        )
    return [by_stem[get_stem(name)] for name in names]
