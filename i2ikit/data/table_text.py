"""The text of tables: its encoding, and the delimiter of its cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence

from i2ikit.data.source import MAX_FILE_BYTES, Source
from i2ikit.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
MAX_CELLS = 20_000_000
"""The largest number of cells of a table: rows times columns."""

# The byte order marks of UTF-32 begin like those of UTF-16, and are looked for first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)  # the first line of tables for Excel


def read_text(source: Source, table: str, errors: str = "strict") -> str:
    """Return the text of a table: UTF-8, or UTF-16 and UTF-32 with a byte order mark or an ASCII beginning.

    Raises:
        DataError: The table is too large, or has another encoding.
    """
    size = source.size(table)
    if size > MAX_FILE_BYTES:
        raise DataError(
            f'Table "{table}" has {size:,} bytes. The limit of tables is {MAX_FILE_BYTES:,}. Remove columns that are not labels.'
        )
    content = source.read(table)
    encoding = find_encoding(content)
    try:
        return content.decode(encoding, errors).replace("\0", "") if errors != "strict" else content.decode(encoding)
    except UnicodeDecodeError as cause:
        name = encoding.upper().removesuffix("-SIG")
        raise DataError(f'Table "{table}" is not {name} text (byte {cause.start}). Save it as UTF-8.') from None


def find_encoding(content: bytes) -> str:
    """Return the encoding of a text by its byte order mark, or by the zeros that UTF-16 has between ASCII characters."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    head = content[:64]
    if len(head) > 3 and not len(head) % 2:
        for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if not any(head[offset::2]) and all(head[1 - offset :: 2]):
                return encoding
    return "utf-8-sig"


def split_header(text: str, columns: Sequence[str]) -> tuple[list[str], str]:
    """Return the column names of a table and its delimiter: that of a line ``sep=;``, else the one by which one of ``columns`` is found."""
    lines = (line for line in io.StringIO(text, newline="") if line.strip())
    first = next(lines, "")
    declared = _SEPARATOR_LINE.match(first)
    if declared:
        first = next(lines, "")
    for delimiter in (declared[1],) if declared else DELIMITERS:
        names = _split_line(first, delimiter)
        if any(column in names for column in columns):
            return names, delimiter
    delimiter = declared[1] if declared else max(DELIMITERS, key=first.count)
    return _split_line(first, delimiter), delimiter


def read_rows(text: str, delimiter: str, table: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each row below the header; empty rows are left out.

    Raises:
        DataError: A row has another number of cells than the header, or there are too many cells.
        csv.Error: The text is not a table.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    count = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            # csv splits the line "sep=;" at its delimiter, too.
            header = None if _SEPARATOR_LINE.match(delimiter.join(cells)) else cells
            continue
        if len(cells) != len(header):
            raise DataError(f'Row {reader.line_num} of table "{table}" has {len(cells)} cells for {len(header)} columns.')
        count += len(cells)
        if count > MAX_CELLS:
            raise DataError(f'Table "{table}" has more than {MAX_CELLS:,} cells. Remove columns that are not labels.')
        yield reader.line_num, cells


def _split_line(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])]
    except csv.Error:  # such as a line of more than 128 KiB without a delimiter
        return []
