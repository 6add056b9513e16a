"""Writes drawn faces as files that :func:`i2ikit.data.open_data` reads like any other data."""

from __future__ import annotations

import csv
import json
import os
import shutil
import uuid
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from i2ikit.data.faces.dataset import FacesDataset
from i2ikit.data.faces.identity import FACES, identities
from i2ikit.data.faces.palette import PARTS
from i2ikit.data.faces.views import draw, erased, segment_map
from i2ikit.errors import DataError

EXTRA = ("profile", "sketch", "segments", "low", "masked")
_BATCH = 128


def write(
    directory: str | os.PathLike[str], count: int = 1000, size: int = 64, seed: int = 0, *, views: bool = True, partial: bool = False
) -> Path:
    """Write ``images/*.png``, ``attributes.csv`` and the other views, whole or not at all, and return the folder.

    The table has the columns file, split, subject and one an attribute; with ``partial`` hidden values are empty cells. With ``views``
    there are folders ``profile``, ``sketch``, ``segments``, ``low`` and ``masked`` with the same names, ``parts`` with part numbers as
    gray values (named in ``parts.json``) and ``masks`` (white where erased).

    Raises:
        DataError: The folder is not empty, cannot be written, or the disk is full.
        OptionError: A count or size below 1.
    """
    place = Path(directory)
    data = FacesDataset(count, seed=seed, size=size, partial=partial)
    draft = place.absolute().with_name(f".{place.absolute().name}.{uuid.uuid4().hex}.tmp")
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise DataError(f'"{place}" is {"not empty" if place.is_dir() else "a file"}. Name a new or empty folder for the faces.')
        try:
            _write_all(data, draft, views)
            if place.exists():
                place.rmdir()
            draft.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as cause:
        raise DataError(f'The faces cannot be written to "{place}": {cause.strerror}. Nothing was left half-written.') from None
    return place


def _write_all(data: FacesDataset, draft: Path, views: bool) -> None:
    folders = ("images", *((*EXTRA, "parts", "masks") if views else ()))
    for folder in folders:
        (draft / folder).mkdir(parents=True)
    with (draft / "attributes.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        names = [each.name for each in FACES.attributes]
        table.writerow(["file", "split", "subject", *names])
        for item in data.items:
            table.writerow([f"images/{item.subject}.png", item.split, item.subject, *(item.row[name] or "" for name in names)])
    if views:
        (draft / "parts.json").write_text(json.dumps(dict(enumerate(PARTS)), indent=2) + "\n", encoding="utf-8")
    for start in range(0, len(data.items), _BATCH):
        indices = range(start, min(start + _BATCH, len(data.items)))
        who = identities(data.seed, indices)
        said = [data.true_row(data.items[index]) for index in indices]
        pictures = {"images": draw(who, said, data.height, data.width)}
        if views:
            pictures |= {view: draw(who, said, data.height, data.width, view) for view in EXTRA}
            pictures["masks"] = erased(who, data.height, data.width) * 2.0 - 1.0
            _save(segment_map(who, said, data.height, data.width)[:, None], indices, draft / "parts")
        for folder, picture in pictures.items():
            _save(picture.add(1.0).mul_(127.5).round_(), indices, draft / folder)


def _save(levels: Tensor, indices: range, folder: Path) -> None:
    pixels = levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    for index, each in zip(indices, pixels, strict=True):
        Image.fromarray(each[..., 0] if each.shape[2] == 1 else each).save(folder / f"{index:06d}.png")
