"""Layouts without a table: a folder a domain, two folders, pairs, glued images, RaFD's file names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from i2ikit.data.manifest import Found, Record, listed
from i2ikit.data.pairs import glued, matched, two_folders
from i2ikit.data.path_layout import Place, labelled, place_of
from i2ikit.data.rafd import is_rafd, read_names
from i2ikit.data.source import Source, natural_order
from i2ikit.errors import DataError
from i2ikit.pixels import decode, is_image


def read_folders(source: Source, *, batch_kind: str | None, pairs: bool | Sequence[str] | None) -> Found:
    """Read images by the folders they lie in.

    Args:
        source: Where they lie.
        kind: What was asked for, or None.
        pairs: Whether two folders are pairs, or which is the source and which is the target.

    Raises:
        DataError: Images lie both in and beside the folders, or the layout is not of the kind that was asked for.
    """
    places = [place_of(file) for file in source.files if is_image(file)]
    if batch_kind in {None, "labelled"} and not pairs and all(is_rafd(place.file) for place in places):
        return read_names(places)
    loose = [place for place in places if not place.domain]
    if loose and len(loose) < len(places):
        inside = next(place for place in places if place.domain)
        raise DataError(
            f'"{loose[0].file}" lies beside the folders and "{inside.file}" in one of them. Put every image into the folder of its domain.'
        )
    if loose:
        return _without_folders(source, places, batch_kind, pairs)
    domains = natural_order(sorted({place.domain for place in places}))
    if batch_kind == "glued":
        raise DataError(f"Glued pairs lie in one folder (or in train, val and test); found the folders {listed(domains)}.")
    if len(domains) == 2:
        return two_folders(places, domains, batch_kind, pairs)
    if pairs or batch_kind == "paired":
        if isinstance(pairs, Sequence) and not isinstance(pairs, str):
            return matched(places, pairs, strict=False)
        raise DataError(f"Pairs need two folders; found {len(domains)}: {listed(domains)}. Name two with pairs=.")
    if len(domains) == 1:
        if batch_kind == "unpaired":
            raise DataError(f'Unpaired data needs two folders; found "{domains[0]}" only.')
        return Found(
            tuple(Record(place.file, place.split) for place in places), notes=(f'There is one folder, "{domains[0]}", hence no labels.',)
        )
    return labelled(places, domains, batch_kind or "labelled")


def _without_folders(source: Source, places: Sequence[Place], batch_kind: str | None, pairs: object) -> Found:
    twice = _twice_as_wide(source, [place.file for place in places])
    if batch_kind in {"paired", "glued"} or pairs or (batch_kind is None and twice and any(place.split for place in places)):
        if not twice and batch_kind != "glued":
            raise DataError(f'"{source.path}" was asked for as pairs, but has neither two folders nor images twice as wide as high.')
        return glued(places, pairs)
    if batch_kind == "unpaired":
        raise DataError(f'Unpaired data needs one folder a domain; the images lie directly in "{source.path}".')
    notes = ["The images lie in no folders and there is no table, hence no labels."]
    if twice:
        notes.append('All images looked at are twice as wide as high: batch_kind="glued" reads them as pairs.')
    return Found(tuple(Record(place.file, place.split) for place in places), notes=tuple(notes))


def _twice_as_wide(source: Source, files: Sequence[str]) -> bool:
    sample = files[:: max(1, len(files) // 8)]
    shapes: list[tuple[int, ...]] = []
    for file in sample:
        with suppress(DataError):  # a damaged file is for the reader that needs it
            shapes.append(decode(source.read(file), file).shape)
    return bool(shapes) and all(shape[1] == 2 * shape[0] for shape in shapes)
