"""Writes faces to files that :func:`i2ikit.data.open_data` reads like any other data."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from i2ikit.core.arguments import a_path, check_arguments, whole, yes_or_no
from i2ikit.core.validators import MAX_SEED
from i2ikit.data.faces.dataset import MAX_COUNT, MAX_SIZE, FacesDataset
from i2ikit.data.faces.identity import FACES, sample_identities
from i2ikit.data.faces.palette import PARTS
from i2ikit.data.faces.views import draw_faces, draw_segments, make_erase_mask
from i2ikit.errors import DataError
from i2ikit.temporary import make_temporary_path, sweep_once

EXTRA = ("profile", "sketch", "segments", "low", "masked")
_BATCH = 128


@check_arguments(
    directory=a_path, count=whole(1, MAX_COUNT), size=whole(1, MAX_SIZE), seed=whole(-(2**63), MAX_SEED), views=yes_or_no, partial=yes_or_no
)
def write_faces(
    directory: str | os.PathLike[str], count: int = 1000, size: int = 64, seed: int = 0, *, views: bool = True, partial: bool = False
) -> Path:
    """Write ``images/*.png``, ``attributes.csv`` and the other views, and return the folder. After an error, no file remains.

    The table has the columns file, split and subject, and one column for each attribute. With ``partial``, hidden values are empty cells.
    With ``views``, the folders ``profile``, ``sketch``, ``segments``, ``low`` and ``masked`` hold the other views under the same names,
    ``parts`` holds segment maps (grey values, named in ``parts.json``), and ``masks`` holds masks (white where the image is erased).

    Args:
        directory: A new or empty folder.
        count: Number of faces.
        size: Height and width in pixels.
        seed: Another seed gives other faces.
        views: Whether to write the other views.
        partial: Whether to hide one label set of each training face.

    Raises:
        DataError: The folder is not empty or cannot be written, or the disk is full.
        OptionError: The count or the size is below 1.
    """
    folder = Path(directory)
    data = FacesDataset(count, seed=seed, size=size, partial=partial)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(f'"{folder}" is {"not empty" if folder.is_dir() else "a file"}. Choose a new or empty folder for the faces.')
        temporary = make_temporary_path(folder.absolute())
        try:
            sweep_once(temporary.parent)
            _write_all(data, temporary, views)
            if folder.exists():
                folder.rmdir()
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as cause:
        raise DataError(f'The faces cannot be written to "{folder}": {cause.strerror or cause}. No partial files remain.') from None
    return folder


def _write_all(data: FacesDataset, temporary: Path, views: bool) -> None:
    folders = ("images", *((*EXTRA, "parts", "masks") if views else ()))
    for folder in folders:
        (temporary / folder).mkdir(parents=True)
    with (temporary / "attributes.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        names = [each.name for each in FACES.attributes]
        table.writerow(["file", "split", "subject", *names])
        for item in data.items:
            table.writerow([f"images/{item.subject}.png", item.split, item.subject, *(item.row[name] or "" for name in names)])
    if views:
        (temporary / "parts.json").write_text(json.dumps(dict(enumerate(PARTS)), indent=2) + "\n", encoding="utf-8")
    for start in range(0, len(data.items), _BATCH):
        indices = range(start, min(start + _BATCH, len(data.items)))
        identities = sample_identities(data.seed, indices)
        rows = [data.true_row(data.items[index]) for index in indices]
        images = {"images": draw_faces(identities, rows, data.height, data.width)}
        if views:
            images |= {view: draw_faces(identities, rows, data.height, data.width, view) for view in EXTRA}
            images["masks"] = make_erase_mask(identities, data.height, data.width) * 2.0 - 1.0
            _save(draw_segments(identities, rows, data.height, data.width)[:, None], indices, temporary / "parts")
        for folder, image in images.items():
            _save(image.add(1.0).mul_(127.5).round_(), indices, temporary / folder)


def _save(levels: Tensor, indices: range, folder: Path) -> None:
    pixels = levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    for index, each in zip(indices, pixels, strict=True):
        Image.fromarray(each[..., 0] if each.shape[2] == 1 else each).save(folder / f"{index:06d}.png")
