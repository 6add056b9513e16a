"""One door for every layout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from i2ikit.core.domain import DomainSpec
from i2ikit.data.celeba import find_list, read_list
from i2ikit.data.dataset import Dataset, FileDataset, Item, Origin
from i2ikit.data.folders import read_folders
from i2ikit.data.images import Images, Reading, native
from i2ikit.data.labels import declare
from i2ikit.data.manifest import Found, hold_out, listed
from i2ikit.data.source import Source, open_source
from i2ikit.data.tables import find_table, overlooked, read_table
from i2ikit.errors import DataError, OptionError, suggest
from i2ikit.pixels import is_image

if TYPE_CHECKING:
    from typing import Any

FACES = "faces"
_FACES_NUMBERS = ("count", "size", "seed", "partial", "hats")
_FACES_WORDS = ("view", "target", "domains")
_FACES_EXAMPLE = "faces:count=3000,size=64,seed=0,partial=1"
BATCH_KINDS = ("labelled", "unpaired", "paired", "glued")


def open_data(
    path: str | os.PathLike[str],
    *,
    labels: str | Sequence[str] | None = None,
    sets: Sequence[Sequence[str]] | None = None,
    batch_kind: str | None = None,
    pairs: bool | str | Sequence[str] | None = None,
    background: str | None = None,
    channels: int | None = None,
    source_channels: int | None = None,
    crop: int | Sequence[int] | None = None,
    holdout: float | None = None,
) -> Dataset:
    """Open a data set, whatever its layout: what is not said is found in the data, and what was chosen stands in ``notes``.

    Recognised are: a folder a domain; two folders, unpaired or in pairs of equal name; glued A|B images; a table (CSV, JSON lines);
    CelebA's attribute list; RaFD's file names; any of these in a zip archive, which is read in place; and the built-in drawings
    ``"faces"``, with options as in ``"faces:count=3000,size=64,seed=0,partial=1"``, or ``"faces:view=sketch,target=image"`` for pairs
    and ``"faces:domains=hair"`` for unpaired domains.
    Folders ``train``, ``val`` and ``test`` are splits.

    Args:
        path: A folder, a zip archive, a table, or ``"faces"``.
        labels: The attributes to take, in this order, as names or as ``"tone,gender"``; all by default.
        sets: Which attributes are known together; found from the empty cells by default.
        kind: ``"labelled"``, ``"unpaired"``, ``"paired"`` or ``"glued"``, where the layout shall not decide.
        pairs: True reads two folders as pairs; two folder names say which is the source and which is the target.
        background: A colour to put behind transparent pixels, such as ``"white"`` or ``"#808080"``; None keeps alpha as a channel.
        channels: How many channels to give, 1 to 4, where the files differ.
        source_channels: How many the first images of pairs shall have, where it is not as many.
        crop: A centred window, cut from every image as it is read: a size, or height and width.
        holdout: The share of subjects that becomes the test split; 0.1 where the data has no split of its own.

    Raises:
        DataError: The path is missing, holds no images, or is of no known layout.
        UnknownNameError: A label that the data does not have.
    """
    if isinstance(labels, str):
        labels = [name.strip() for name in labels.split(",") if name.strip()]
    if isinstance(pairs, str):
        pairs = [name.strip() for name in pairs.split(",")]
    text = os.fspath(path)
    said: dict[str, Any] = {
        "sets": sets,
        "batch_kind": batch_kind,
        "pairs": pairs,
        "background": background,
        "channels": channels,
        "source_channels": source_channels,
        "crop": crop,
        "holdout": holdout,
    }
    if isinstance(path, str) and (text == FACES or text.startswith(f"{FACES}:")):
        if Path(text).exists():
            raise DataError(f'"{text}" means the built-in drawings, and here it is a folder too. Write "./{text}" or "{FACES}:size=128".')
        return _faces(text, labels, said)
    if batch_kind is not None and batch_kind not in BATCH_KINDS:
        raise OptionError(f'"{batch_kind}" is no kind of data. {suggest(batch_kind, BATCH_KINDS)}')
    where = _existing(text)
    source, table = _source(where)
    found = _read(source, table, labels, batch_kind, pairs)
    found = hold_out(found, holdout)
    domain, rows, notes = declare(found, None if found.selected else labels, sets)
    if crop is None and found.crop:
        notes.append(f"Images are cropped to {found.crop}x{found.crop} at the centre, as usual for this set; crop= says otherwise.")
    reading = Reading(background, channels, source_channels, _size(crop if crop is not None else found.crop), found.glued)
    made = assemble(
        source, found, domain, rows, reading, notes, name=where.stem if where.suffix.lower() == ".zip" else source.path.resolve().name
    )
    made.origin = Origin(text, {name: value for name, value in {"labels": labels, **said}.items() if value is not None})
    return made


def assemble(
    source: Source,
    found: Found,
    domain: DomainSpec,
    rows: Sequence[Mapping[str, str | None]],
    reading: Reading,
    notes: Sequence[str],
    *,
    name: str,
) -> FileDataset:
    """Return the data set of what a reader found."""
    images = Images(source, reading)
    items = [Item(each.file, each.split, row, each.subject, each.partner) for each, row in zip(found.records, rows, strict=True)]
    if found.batch_kind == "unpaired" and not domain.names:
        names = [attribute.name for attribute in domain.attributes]
        raise DataError(f"Unpaired data needs one group of domains; found {listed(names, 12) or 'no labels'}. Choose one with labels=.")
    if found.batch_kind == "unpaired":
        items = [item for item in items if item.row[domain.attributes[0].name] is not None]
    source_image, bits = native(images, [item.file for item in items])
    image = source_image
    if found.batch_kind == "paired":
        image, more = native(images, [str(item.partner) for item in items], second=True)
        bits = max(bits, more)
    images.expected = {False: source_image.channels, True: image.channels}
    more_notes = (*found.notes, *notes)
    return FileDataset(
        images, items, name=name, batch_kind=found.batch_kind, domain=domain, image=image, source=source_image, bits=bits, notes=more_notes
    )


def _existing(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.exists():
        near = sorted(each.name for each in path.parent.iterdir()) if path.parent.is_dir() else []
        there = suggest(path.name, near) if near else f'Folder "{path.parent}" {"is empty" if path.parent.is_dir() else "does not exist"}.'
        raise DataError(f'There is no data at "{text}". {there}')
    return path


def _source(path: Path) -> tuple[Source, str | None]:
    if path.is_dir():
        return open_source(path), None
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return open_source(path), None
    if suffix in {".csv", ".jsonl", ".json"} or path.name == "list_attr_celeba.txt":
        folder = path.parent.parent if path.parent.name == "Anno" else path.parent
        return open_source(folder), path.relative_to(folder).as_posix()
    raise DataError(f'"{path}" is a file that holds no data set. Give a folder, a zip archive, a CSV or a JSONL table.')


def _read(
    source: Source, table: str | None, labels: Sequence[str] | None, batch_kind: str | None, pairs: bool | Sequence[str] | None
) -> Found:
    if not any(is_image(file) for file in source.files):
        empty = "is empty" if not source.files else f"holds {len(source.files)} files, but no image"
        raise DataError(f'"{source.path}" {empty}. Put images in it: one folder a domain, or a table attributes.csv beside them.')
    celeba = find_list(source) if table is None or table.endswith(".txt") else None
    if celeba is not None:
        return _of_kind(read_list(source, celeba, labels), batch_kind, source)
    table = table or find_table(source)
    if table is not None:
        return _of_kind(read_table(source, table), batch_kind, source)
    other = overlooked(source)
    try:
        found = read_folders(source, batch_kind=batch_kind, pairs=pairs)
    except DataError as error:
        raise DataError(f"{error} {other}".rstrip()) from None
    return evolve(found, notes=(*found.notes, other)) if other else found


def _of_kind(found: Found, batch_kind: str | None, source: Source) -> Found:
    if batch_kind in {"paired", "glued"} and found.batch_kind != "paired":
        raise DataError(f'"{source.path}" was asked for as pairs, but its table has no column "target". Add it, or choose another kind.')
    return found if batch_kind is None or batch_kind == "glued" else evolve(found, batch_kind=batch_kind)


def _size(crop: int | Sequence[int] | None) -> tuple[int, int] | None:
    if crop is None:
        return None
    size = (crop, crop) if isinstance(crop, int) else tuple(crop)
    if len(size) != 2 or min(size) < 1:
        raise OptionError(f"A crop is a size, or height and width; found {crop}.")
    return int(size[0]), int(size[1])


def _faces(text: str, labels: Sequence[str] | None, others: Mapping[str, Any]) -> Dataset:
    given = [name for name, value in others.items() if value is not None and name != "batch_kind"]
    if given:
        raise OptionError(
            f'The built-in faces take no "{given[0]}"; their options are written as in "faces:count=3000,size=64,seed=0,partial=1".'
        )
    options: dict[str, Any] = {}
    for part in filter(None, text.partition(":")[2].split(",")):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in {*_FACES_NUMBERS, *_FACES_WORDS} or not value or (name in _FACES_NUMBERS and not value.isdigit()):
            raise OptionError(f'"{part}" is no option of the built-in faces. Write "{_FACES_EXAMPLE}".')
        options[name] = int(value) if name in _FACES_NUMBERS else value
    options |= {name: bool(options[name]) for name in ("partial", "hats") if name in options}
    from i2ikit.data.faces import FacesDataset

    if labels is not None:
        options["labels"] = tuple(labels)
    faces = FacesDataset(**options)
    if others["batch_kind"] not in (None, faces.batch_kind):
        how = {"paired": "faces:view=sketch,target=image", "unpaired": "faces:domains=hair", "labelled": "faces"}.get(
            others["batch_kind"], FACES
        )
        raise DataError(f'"{text}" is {faces.batch_kind} data, and {others["batch_kind"]} data is asked for. Write "{how}".')
    faces.origin = Origin(text, {} if labels is None else {"labels": list(labels)})
    return faces
