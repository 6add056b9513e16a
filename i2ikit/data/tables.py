"""Readers of attribute tables: CSV, JSON lines, and ``dataset.json`` of StyleGAN's archives."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from i2ikit.data.manifest import Manifest, Record, format_names, parse_split
from i2ikit.data.source import MAX_FILE_BYTES, Source
from i2ikit.data.table_text import read_rows, read_text, split_header
from i2ikit.errors import DataError, suggest
from i2ikit.pixels import is_image

FILE, SPLIT, SUBJECT, TARGET = "file", "split", "subject", "target"
CSV_SUFFIXES = (".csv", ".tsv")
SUFFIXES = (*CSV_SUFFIXES, ".jsonl")
"""Suffixes of tables that are found in a folder."""
_RESERVED = (FILE, SPLIT, SUBJECT, TARGET)

TableRow = tuple[int, dict[str, str | None]]
"""The number of a row in its file, and its cells by column."""


def find_table(source: Source, csv_suffixes: Sequence[str] = CSV_SUFFIXES) -> str | None:
    """Return the name of the attribute table in the top folder of a source, or None.

    Args:
        source: The files.
        csv_suffixes: Suffixes of tables besides ``.jsonl``.

    Raises:
        DataError: There are several tables.
    """
    top = [name for name in source.files if "/" not in name]
    tables = [name for name in top if name.lower().endswith((*csv_suffixes, ".jsonl")) and _has_file_column(source, name)]
    if "attributes.csv" in tables:
        return "attributes.csv"
    if len(tables) > 1:
        raise DataError(
            f'"{source.path}" has several attribute tables: {format_names(tables)}. Open one of them, such as "{source.path / tables[0]}".'
        )
    if tables:
        return tables[0]
    return "dataset.json" if "dataset.json" in top else None


def describe_unread_table(source: Source) -> str:
    """Return a sentence about a table in the top folder that is ignored, because it has no file names; else an empty text."""
    top = [name for name in source.files if "/" not in name and name.lower().endswith(CSV_SUFFIXES)]
    tables = [name for name in top if not _has_file_column(source, name)]
    if not tables:
        return ""
    if source.size(tables[0]) > MAX_FILE_BYTES:
        return f'Table "{tables[0]}" is not read: it has more than {MAX_FILE_BYTES:,} bytes.'
    header = split_header(read_text(source, tables[0], "replace"), (FILE,))[0]
    return f'Table "{tables[0]}" is not read: it has no column "{FILE}". {_suggest_column(header)}'


def read_table(source: Source, table: str) -> Manifest:
    """Read a table with a column ``file`` and optional columns ``split``, ``subject`` and ``target``; all other columns are attributes.

    Args:
        source: Where the table and the images are.
        table: Name of the table; the file names in it are relative to its folder.

    Raises:
        DataError: The table is damaged, a file does not exist, or a file is named twice.
    """
    text = read_text(source, table)
    if table.lower().endswith(".json"):
        rows = _parse_dataset_json(text, table)
    elif table.lower().endswith(".jsonl"):
        rows = list(_parse_json_lines(text, table))
    else:
        try:
            rows = list(_parse_csv(text, table))
        except csv.Error as cause:
            raise DataError(f'Table "{table}" is not a valid CSV file: {cause}.') from None
    if not rows:
        raise DataError(f'Table "{table}" has no rows.')
    columns = tuple(dict.fromkeys(name for _, cells in rows for name in cells if name not in _RESERVED))
    finder = _FileFinder(source, table)
    records: list[Record] = []
    row_of_file: dict[str, int] = {}
    for number, cells in rows:
        file = finder.find(cells.get(FILE), number)
        if file in row_of_file:
            raise DataError(
                f'Table "{table}" has the file "{cells.get(FILE)}" twice, in row {row_of_file[file]} and in row {number}. Remove one row.'
            )
        row_of_file[file] = number
        target_file = cells.get(TARGET)
        records.append(
            Record(
                file,
                parse_split(cells.get(SPLIT) or "", f'Row {number} of table "{table}"'),
                {name: cells.get(name) for name in columns},
                (cells.get(SUBJECT) or "").strip() or None,
                finder.find(target_file, number) if target_file else None,
            )
        )
    finder.check_missing()
    is_paired = all(record.target_file for record in records)
    used = {*row_of_file, *(record.target_file for record in records if record.target_file)}
    unused = [name for name in source.files if is_image(name) and name not in used]
    left_out = {f'not named in the table "{table}"': unused}
    return Manifest(tuple(records), columns, batch_kind="paired" if is_paired else "labelled", left_out=left_out)


class _FileFinder:
    """Finds the files of a table, and collects the missing ones so that one message can name them."""

    def __init__(self, source: Source, table: str) -> None:
        self.files, self.table, self.path = frozenset(source.files), table, source.path
        self.folder = PurePosixPath(table).parent
        self.missing: list[str] = []

    def find(self, cell: str | None, number: int) -> str:
        name = (cell or "").strip()
        if not name:
            raise DataError(f'Row {number} of table "{self.table}" has no file name.')
        for folder in ("", "images"):
            candidate = (self.folder / folder / name).as_posix()
            if candidate in self.files:
                return candidate
        self.missing.append(name)
        return f"missing/{name}"

    def check_missing(self) -> None:
        if self.missing:
            raise DataError(
                f'Table "{self.table}" names {format_names(self.missing)}, but "{self.path}" does not have these files. File names must be '
                "relative to the table."
            )


def _has_file_column(source: Source, table: str) -> bool:
    # Text of an unknown encoding is an error only in the table that is read. Another table in the folder may have any encoding.
    if table.lower().endswith(".jsonl"):
        return True
    return source.size(table) <= MAX_FILE_BYTES and FILE in split_header(read_text(source, table, "replace"), (FILE,))[0]


def _parse_csv(text: str, table: str) -> Iterator[TableRow]:
    header, delimiter = split_header(text, (FILE,))
    if not any(header):
        raise DataError(f'Table "{table}" is empty. Add a column "{FILE}" with the file name of each image.')
    if FILE not in header:
        raise DataError(f'Table "{table}" has no column "{FILE}", only {format_names(header, 12)}. {_suggest_column(header)}')
    repeated = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if repeated:
        raise DataError(f'Table "{table}" has the column {format_names(repeated)} twice. Give each column its own name.')
    named = [(index, name) for index, name in enumerate(header) if name]  # programs write row numbers into a column without a name
    for number, cells in read_rows(text, delimiter, table):
        yield number, {name: cells[index] for index, name in named}


def _suggest_column(header: Sequence[str]) -> str:
    likely = [name for name in header if name.lower() in {"file", "filename", "file_name", "path", "image", "image_id", "img"}]
    return f'Rename "{likely[0]}" to "{FILE}".' if likely else f'Add a column "{FILE}" with the file name of each image.'


def _parse_json_lines(text: str, table: str) -> Iterator[TableRow]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise DataError(f'Row {number} of table "{table}" is not valid JSON: {cause}.') from None
        if not isinstance(cells, dict):
            raise DataError(f'Row {number} of table "{table}" is not a JSON object such as {{"file": "1.png", "hair": "black"}}.')
        if FILE not in cells:
            raise DataError(f'Row {number} of table "{table}" has no "{FILE}". {suggest(FILE, cells)}')
        yield number, {str(name): _format_cell(value, f'"{name}" in row {number} of table "{table}"') for name, value in cells.items()}


def _format_cell(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise DataError(f"{where} is a {type(value).__name__}. A value must be text, a number, true, false or null.")


def _parse_dataset_json(text: str, table: str) -> list[TableRow]:
    try:
        pairs = json.loads(text).get("labels")
    except (ValueError, AttributeError, RecursionError):
        pairs = None
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise DataError(f'Table "{table}" must have the form {{"labels": [["1.png", 3], ...]}}.')
    ordered = sorted({pair[1] for pair in pairs}) if all(isinstance(pair[1], int) for pair in pairs) else []
    rows: list[TableRow] = [
        (number, {FILE: str(file), "domain": _format_cell(value, f'Label {number} of "{table}"')})
        for number, (file, value) in enumerate(pairs, 1)
    ]
    return rows if not ordered else sorted(rows, key=lambda row: (ordered.index(int(str(row[1]["domain"]))), row[0]))
