"""Reader of layouts without a table: one folder for each domain, two folders, pairs, RaFD's file names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from i2ikit.data.manifest import Manifest, Record, format_names
from i2ikit.data.pairs import match_by_name, read_glued, read_two_folders
from i2ikit.data.path_layout import ImagePath, make_labelled_manifest, parse_image_path
from i2ikit.data.rafd import is_rafd, read_rafd
from i2ikit.data.source import Source, sort_naturally
from i2ikit.errors import DataError
from i2ikit.pixels import decode, is_image


def read_folders(source: Source, *, batch_kind: str | None, pairs: bool | Sequence[str] | None) -> Manifest:
    """Read images by the folders that they are in.

    Args:
        source: Where the images are.
        batch_kind: The requested batch kind, or None.
        pairs: Whether two folders are pairs, or the folder of the sources and that of the targets.

    Raises:
        DataError: Some images are in folders and others are not, or the layout does not fit the requested batch kind.
    """
    paths = [parse_image_path(file) for file in source.files if is_image(file)]
    if batch_kind == "images":
        return Manifest(tuple(Record(path.file, path.split) for path in paths), batch_kind=batch_kind)
    if batch_kind in {None, "labelled"} and not pairs and all(is_rafd(path.file) for path in paths):
        return read_rafd(paths)
    loose = [path for path in paths if not path.domain]
    if loose and len(loose) < len(paths):
        inside = next(path for path in paths if path.domain)
        raise DataError(f'"{loose[0].file}" is not in a folder, but "{inside.file}" is. Put every image into the folder of its domain.')
    if loose:
        return _read_single_folder(source, paths, batch_kind, pairs)
    domains = sort_naturally(sorted({path.domain for path in paths}))
    if batch_kind == "glued":
        raise DataError(
            f'batch_kind="glued" requires all images in one folder (or in train, val and test); found the folders {format_names(domains)}.'
        )
    if len(domains) == 2:
        return read_two_folders(paths, domains, batch_kind, pairs)
    if pairs or batch_kind == "paired":
        if isinstance(pairs, Sequence) and not isinstance(pairs, str):
            return match_by_name(paths, pairs)
        raise DataError(f"Pairs require two folders; found {len(domains)}: {format_names(domains)}. Name two of them with pairs=.")
    if len(domains) == 1:
        if batch_kind == "unpaired":
            raise DataError(f'batch_kind="unpaired" requires two folders; found only "{domains[0]}".')
        return Manifest(
            tuple(Record(path.file, path.split) for path in paths), notes=(f'There are no labels: "{domains[0]}" is the only folder.',)
        )
    return make_labelled_manifest(paths, domains, batch_kind or "labelled")


def _read_single_folder(source: Source, paths: Sequence[ImagePath], batch_kind: str | None, pairs: object) -> Manifest:
    side_by_side = _are_twice_as_wide(source, [path.file for path in paths])
    if batch_kind in {"paired", "glued"} or pairs or (batch_kind is None and side_by_side and any(path.split for path in paths)):
        if not side_by_side and batch_kind != "glued" and not pairs:
            raise DataError(
                f'Pairs require two folders, or images twice as wide as high; "{source.path}" has neither. If its images are pairs side by '
                'side, whose halves have other proportions, name the halves: pairs="A,B".'
            )
        return read_glued(paths, pairs)
    if batch_kind == "unpaired":
        raise DataError(f'batch_kind="unpaired" requires one folder for each domain; the images are directly in "{source.path}".')
    notes = ["There are no labels: the images are not in folders, and no table labels them."]
    if side_by_side:
        notes.append('All sampled images are twice as wide as high. Use batch_kind="glued" to read them as pairs side by side.')
    return Manifest(tuple(Record(path.file, path.split) for path in paths), notes=tuple(notes))


def _are_twice_as_wide(source: Source, files: Sequence[str]) -> bool:
    sample = files[:: max(1, len(files) // 8)]
    shapes: list[tuple[int, ...]] = []
    for file in sample:
        with suppress(DataError):  # damaged files are reported when they are read as data
            shapes.append(decode(source.read(file), file).shape)
    return bool(shapes) and all(shape[1] == 2 * shape[0] for shape in shapes)
