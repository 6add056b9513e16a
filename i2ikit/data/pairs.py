"""Readers of two folders (unpaired domains, or pairs of equal name) and of pairs side by side in one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from i2ikit.data.manifest import Manifest, Record, format_names
from i2ikit.data.path_layout import ImagePath, make_labelled_manifest
from i2ikit.errors import DataError, UnknownNameError


def read_two_folders(paths: Sequence[ImagePath], domains: Sequence[str], batch_kind: str | None, pairs: object) -> Manifest:
    """Read two folders: as pairs if all names are equal, else as unpaired domains, unless the user chooses."""
    order = _parse_pairs(pairs, domains)
    if batch_kind in {"labelled", "unpaired"}:
        return make_labelled_manifest(paths, order, batch_kind)
    if batch_kind == "paired" or pairs or (pairs is None and _list_keys(paths, order[0]) == _list_keys(paths, order[1])):
        return match_by_name(paths, order)
    manifest = make_labelled_manifest(paths, order, "unpaired")
    note = f'The two folders {format_names(order)} are read as unpaired domains. Use batch_kind="labelled" to read them as labels.'
    return Manifest(manifest.records, manifest.columns, batch_kind=manifest.batch_kind, categories=manifest.categories, notes=(note,))


def match_by_name(paths: Sequence[ImagePath], order: Sequence[str]) -> Manifest:
    """Return the pairs of equal name of two folders.

    Args:
        paths: All images.
        order: The folder of the sources and the folder of the targets.

    Raises:
        UnknownNameError: There is no such folder.
        DataError: No name is in both folders, or ``order`` has not two names.
    """
    order = _parse_pairs(order, sorted({path.domain for path in paths}))
    found = _match_names([path for path in paths if path.domain == order[0]], [path for path in paths if path.domain == order[1]])
    records = tuple(Record(source.file, source.split, target_file=target.file, group=source.key) for source, target in found)
    if not records:
        first, second = (format_names([path.key for path in paths if path.domain == name]) for name in order)
        raise DataError(
            f'There are no pairs: no file name is in both "{order[0]}" ({first}) and "{order[1]}" ({second}). Give the two images of a '
            'pair the same name, or use batch_kind="unpaired".'
        )
    used = {file for record in records for file in (record.file, str(record.target_file))}
    partnered = {(record.split, record.group) for record in records}
    rest = [path for domain in order for path in paths if path.domain == domain and path.file not in used]
    single = [path.file for path in rest if (path.split, path.key) not in partnered]
    left_out = {
        "without a partner of equal name": single,
        "another image of the same name": [path.file for path in rest if (path.split, path.key) in partnered],
        "in a folder that is not one of the pairs": [path.file for path in paths if path.domain not in order],
    }
    note = (
        f'Images of equal name are pairs, {order[0]} -> {order[1]}. Use pairs="{order[1]},{order[0]}" to swap them, or '
        'batch_kind="unpaired" to separate them.'
    )
    return Manifest(records, batch_kind="paired", left_out=left_out, notes=(note,))


def _match_names(sources: Sequence[ImagePath], targets: Sequence[ImagePath]) -> list[tuple[ImagePath, ImagePath]]:
    """Return sources and targets of equal name. If a folder has a name twice, such as 1.png and 1.jpg, files of equal suffix match."""
    by_name: dict[tuple[str, str], tuple[list[ImagePath], list[ImagePath]]] = {}
    for index, paths in enumerate((sources, targets)):
        for path in paths:
            by_name.setdefault((path.split, path.key), ([], []))[index].append(path)
    found: dict[str, ImagePath] = {}
    for own, others in by_name.values():
        suffixes = {PurePosixPath(path.file).suffix.lower(): path for path in others} if len(own) + len(others) > 2 else {}
        matched = {path.file: suffixes[suffix] for path in own if (suffix := PurePosixPath(path.file).suffix.lower()) in suffixes}
        free = [path for path in others if path not in matched.values()]
        found |= matched | dict(zip((path.file for path in own if path.file not in matched), free, strict=False))
    return [(path, found[path.file]) for path in sources if path.file in found]


def read_glued(paths: Sequence[ImagePath], pairs: object) -> Manifest:
    """Read images that hold a pair side by side: the left half A is the source, the right half B the target.

    ``pairs=("B", "A")`` swaps them.
    """
    order = "".join(_parse_pairs(pairs, ("A", "B")))
    records = tuple(Record(path.file, path.split, target_file=path.file) for path in paths)
    swapped = '"B,A"' if order == "AB" else '"A,B"'
    note = f"Each image is a pair side by side, {order[0]} -> {order[1]}, where A is the left half. Use pairs={swapped} to swap them."
    return Manifest(records, batch_kind="paired", glued=order, notes=(note,))


def _parse_pairs(pairs: object, domains: Sequence[str]) -> tuple[str, str]:
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        return domains[0], domains[1]
    if len(pairs) != 2 or len(set(pairs)) != 2:
        raise DataError(f"pairs= must name two folders, source and target; found {format_names([str(each) for each in pairs])}.")
    for name in pairs:
        if name not in domains:
            raise UnknownNameError("folder", str(name), domains)
    return str(pairs[0]), str(pairs[1])


def _list_keys(paths: Sequence[ImagePath], domain: str) -> set[tuple[str, str]]:
    return {(path.split, path.key) for path in paths if path.domain == domain}
