"""Attribute tables: CSV, JSON lines, and the ``dataset.json`` of StyleGAN's archives."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from i2ikit.data.manifest import Found, Record, listed, split_name
from i2ikit.data.source import Source
from i2ikit.errors import DataError, suggest
from i2ikit.pixels import is_image

FILE, SPLIT, SUBJECT, TARGET = "file", "split", "subject", "target"
_RESERVED = (FILE, SPLIT, SUBJECT, TARGET)

Line = tuple[int, dict[str, str | None]]


def find_table(source: Source) -> str | None:
    """Return the table at the top of a source, or None.

    Raises:
        DataError: Two tables could be meant.
    """
    top = [name for name in source.files if "/" not in name]
    tables = [name for name in top if name.lower().endswith((".csv", ".jsonl")) and _has_files(source, name)]
    if "attributes.csv" in tables:
        return "attributes.csv"
    if len(tables) > 1:
        raise DataError(f'"{source.path}" has the attribute tables {listed(tables)}. Name the one to read: {source.path / tables[0]}.')
    if tables:
        return tables[0]
    return "dataset.json" if "dataset.json" in top else None


def overlooked(source: Source) -> str:
    """Return a sentence about a table at the top of a source that is not read, because it does not name files; else nothing."""
    tables = [name for name in source.files if "/" not in name and name.lower().endswith(".csv") and not _has_files(source, name)]
    if not tables:
        return ""
    header = _header(source.read(tables[0]).decode("utf-8-sig", "replace"))[0]
    return f'Table "{tables[0]}" is not read: it has no column "{FILE}". {_rename(header)}'


def read_table(source: Source, table: str) -> Found:
    """Read a table with a column ``file`` and, where it has them, ``split``, ``subject`` and ``target``; all others are attributes.

    Args:
        source: Where table and images lie.
        table: Its name; file names in it are relative to its folder.

    Raises:
        DataError: A damaged table, a name that is not among the files, or a name that stands twice.
    """
    text = _text(source, table)
    if table.lower().endswith(".json"):
        lines = _dataset_json(text, table)
    elif table.lower().endswith(".jsonl"):
        lines = list(_json_lines(text, table))
    else:
        try:
            lines = list(_csv_lines(text, table))
        except csv.Error as cause:
            raise DataError(f'Table "{table}" is no CSV: {cause}.') from None
    if not lines:
        raise DataError(f'Table "{table}" has no rows.')
    columns = tuple(dict.fromkeys(name for _, cells in lines for name in cells if name not in _RESERVED))
    names = _Names(source, table)
    records: list[Record] = []
    seen: dict[str, int] = {}
    for number, cells in lines:
        file = names.find(cells.get(FILE), number)
        if file in seen:
            raise DataError(f'Table "{table}" names "{cells.get(FILE)}" in row {seen[file]} and in row {number}. Keep one of them.')
        seen[file] = number
        partner = cells.get(TARGET)
        records.append(
            Record(
                file,
                split_name(cells.get(SPLIT) or "", f'Row {number} of table "{table}"'),
                {name: cells.get(name) for name in columns},
                (cells.get(SUBJECT) or "").strip() or None,
                names.find(partner, number) if partner else None,
            )
        )
    names.refuse_missing()
    paired = all(record.partner for record in records)
    unused = sum(is_image(name) for name in source.files) - len({*seen, *(record.partner for record in records if record.partner)})
    notes = (f'{unused} image{"s are" if unused > 1 else " is"} not in the table "{table}" and left out.',) if unused > 0 else ()
    return Found(tuple(records), columns, batch_kind="paired" if paired else "labelled", notes=notes)


class _Names:
    """Finds the files of a table, and collects those that are missing so that one message can name them."""

    def __init__(self, source: Source, table: str) -> None:
        self.files, self.table, self.path = frozenset(source.files), table, source.path
        self.folder = PurePosixPath(table).parent
        self.missing: list[str] = []

    def find(self, cell: str | None, number: int) -> str:
        name = (cell or "").strip()
        if not name:
            raise DataError(f'Row {number} of table "{self.table}" names no file.')
        for folder in ("", "images"):
            candidate = (self.folder / folder / name).as_posix()
            if candidate in self.files:
                return candidate
        self.missing.append(name)
        return f"missing/{name}"

    def refuse_missing(self) -> None:
        if self.missing:
            raise DataError(
                f'Table "{self.table}" names {listed(self.missing)}, not in "{self.path}". File names are relative to the table.'
            )


def _text(source: Source, table: str) -> str:
    try:
        return source.read(table).decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise DataError(f'Table "{table}" is not UTF-8 text (byte {cause.start}). Save it as UTF-8.') from None


def _has_files(source: Source, table: str) -> bool:
    # Whether it is text is asked of the table that is read; another one may lie there for people.
    return table.lower().endswith(".jsonl") or FILE in _header(source.read(table).decode("utf-8-sig", "replace"))[0]


def _header(text: str) -> tuple[list[str], str]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in (",", ";", "\t"):
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        if FILE in names:
            return names, delimiter
    return [name.strip() for name in next(csv.reader([first]), [])], ","


def _csv_lines(text: str, table: str) -> Iterator[Line]:
    header, delimiter = _header(text)
    if FILE not in header:
        raise DataError(f'Table "{table}" has no column "{FILE}"; its columns are {listed(header, 12)}. {_rename(header)}')
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f'Table "{table}" has the column {listed(twice)} twice. Give each a name of its own.')
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = (cells for cells in reader if any(cell.strip() for cell in cells))
    next(rows, None)
    for cells in rows:
        if len(cells) != len(header):
            raise DataError(f'Row {reader.line_num} of table "{table}" has {len(cells)} cells for {len(header)} columns.')
        yield reader.line_num, dict(zip(header, cells, strict=True))


def _rename(header: Sequence[str]) -> str:
    likely = [name for name in header if name.lower() in {"file", "filename", "file_name", "path", "image", "image_id", "img"}]
    return f'Rename "{likely[0]}" to "{FILE}".' if likely else f'Add a column "{FILE}" with the name of each image.'


def _json_lines(text: str, table: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as cause:
            raise DataError(f'Row {number} of table "{table}" is no JSON: {cause}.') from None
        if not isinstance(cells, dict):
            raise DataError(f'Row {number} of table "{table}" is no JSON object such as {{"file": "1.png", "hair": "black"}}.')
        if FILE not in cells:
            raise DataError(f'Row {number} of table "{table}" has no "{FILE}". {suggest(FILE, cells)}')
        yield number, {str(name): _cell(value, f'"{name}" in row {number} of table "{table}"') for name, value in cells.items()}


def _cell(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise DataError(f"{where} is a {type(value).__name__}; a value is text, a number, true, false or null.")


def _dataset_json(text: str, table: str) -> list[Line]:
    try:
        pairs = json.loads(text).get("labels")
    except (ValueError, AttributeError):
        pairs = None
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise DataError(f'Table "{table}" is not of the form {{"labels": [["1.png", 3], ...]}}.')
    ordered = sorted({pair[1] for pair in pairs}) if all(isinstance(pair[1], int) for pair in pairs) else []
    lines: list[Line] = [
        (number, {FILE: str(file), "domain": _cell(value, f'Label {number} of "{table}"')}) for number, (file, value) in enumerate(pairs, 1)
    ]
    return lines if not ordered else sorted(lines, key=lambda line: (ordered.index(int(str(line[1]["domain"]))), line[0]))
