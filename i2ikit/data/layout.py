"""Finds the layout of a data set, and reads its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from i2ikit.data.arrangements import get_arrangement
from i2ikit.data.celeba import LIST_NAMES, find_attribute_list, find_similar_list, is_attribute_list, read_celeba
from i2ikit.data.folders import read_folders
from i2ikit.data.left_out import count_left_out, find_other_files, unite
from i2ikit.data.manifest import FIRST_RULES, RULES, Manifest, format_names
from i2ikit.data.source import Source, open_source
from i2ikit.data.tables import CSV_SUFFIXES, SUFFIXES, describe_unread_table, find_table, read_table
from i2ikit.errors import DataError, format_count
from i2ikit.pixels import is_image


def find_source(path: Path) -> tuple[Source, str | None]:
    """Return the source of a path, and the table in it if the path is one."""
    if path.is_dir():
        return open_source(path), None
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return open_source(path), None
    if suffix in {*SUFFIXES, ".json"} or (suffix == ".txt" and path.is_file()):
        folder = path.parent.parent if path.parent.name == "Anno" else path.parent
        return open_source(folder), path.relative_to(folder).as_posix()
    raise _refuse(path)


def _refuse(path: Path) -> DataError:
    return DataError(f'The file "{path}" is not a data set. Use a folder, a zip archive, a CSV table or a JSONL table.')


def read_manifest(
    source: Source,
    table: str | None,
    labels: Sequence[str] | None,
    batch_kind: str | None,
    pairs: bool | Sequence[str] | None,
    rules: int = RULES,
) -> Manifest:
    """Read the layout of a source; the arguments are those of :func:`i2ikit.data.open_data`.

    Args:
        source: The files.
        table: The table that was opened; None looks for one.
        labels: The labels to use, for CelebA.
        batch_kind: The requested batch kind, or None.
        pairs: Whether two folders are pairs, or their names.
        rules: The first rules know neither tables with the suffix .tsv nor lists of CelebA's form.

    Raises:
        DataError: There are no images, or the layout is unknown.
    """
    if not any(is_image(file) for file in source.files):
        raise _explain_no_image(source)
    if table is None:
        celeba = find_attribute_list(source, LIST_NAMES[:1] if rules == FIRST_RULES else LIST_NAMES)
        table = celeba or find_table(source, CSV_SUFFIXES[:1] if rules == FIRST_RULES else CSV_SUFFIXES)
        if table is None and rules > FIRST_RULES:
            table = celeba = find_similar_list(source)
    else:
        celeba = table if is_attribute_list(source, table) else None
        if celeba is None and table.lower().endswith(".txt"):
            raise _refuse(source.path / table)
    left_out = unite(source.left_out, find_other_files(source, [table] if table else []))
    if table is not None:
        manifest = read_table(source, table) if celeba is None else read_celeba(source, table, labels)
        return _set_batch_kind(evolve(manifest, left_out=unite(left_out, manifest.left_out)), batch_kind, source)
    note = describe_unread_table(source)
    try:
        manifest = read_folders(source, batch_kind=batch_kind, pairs=pairs)
    except DataError as error:
        raise DataError(f"{error} {note}".rstrip()) from None
    return evolve(manifest, notes=(*manifest.notes, *([note] if note else [])), left_out=unite(left_out, manifest.left_out))


def _explain_no_image(source: Source) -> DataError:
    left_out = unite(source.left_out, find_other_files(source, []))
    problem = f"has {format_count(len(source.files), 'file')}, but no image" if source.files or left_out else "is empty"
    found = "; ".join(f"{count_left_out(cause, names)}, such as {format_names(names[:1])}" for cause, names in left_out.items())
    return DataError(
        f'"{source.path}" {problem}. Put images into it: one folder for each domain, or images and a table attributes.csv.'
        f"{f' Found: {found}.' if found else ''}"
    )


def _set_batch_kind(manifest: Manifest, batch_kind: str | None, source: Source) -> Manifest:
    if batch_kind in {"paired", "glued"} and not get_arrangement(manifest).has_targets:
        raise DataError(
            f'batch_kind="{batch_kind}" requires the column "target" in the table; the table in "{source.path}" does not have it. Add the '
            "column, or choose another batch kind."
        )
    if batch_kind == "images":
        return _drop_labels(manifest)
    return manifest if batch_kind is None or batch_kind == "glued" else evolve(manifest, batch_kind=batch_kind)


def _drop_labels(manifest: Manifest) -> Manifest:
    records = tuple(evolve(record, cells={}, target_file=None) for record in manifest.records)
    return evolve(manifest, batch_kind="images", records=records, columns=(), labels=(), categories={}, labels_selected=True)
