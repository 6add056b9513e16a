"""The bytes of files: read with an error that names the file, and written without partial results."""

from __future__ import annotations

from pathlib import Path

from i2ikit.errors import DataError, WriteError
from i2ikit.regular_files import read_regular
from i2ikit.temporary import replace_file


def read_bytes(path: Path, noun: str = "") -> bytes:
    """Return the bytes of a file.

    Args:
        path: The file.
        noun: What it is in messages, such as ``"Image"``.

    Raises:
        DataError: It is missing or no file, cannot be read, or does not fit into memory.
    """
    name = f'{noun} "{path}"'.strip()
    try:
        return read_regular(path, None)
    except (OSError, ValueError) as cause:  # ValueError: the path holds a zero byte
        raise DataError(f"{name} cannot be read: {getattr(cause, 'strerror', None) or cause}.") from None
    except (MemoryError, OverflowError):
        raise DataError(f"{name} cannot be read: its {path.stat().st_size:,} bytes do not fit into memory.") from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is either complete or not changed. Missing folders are made.

    Raises:
        WriteError: The folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as cause:
        raise WriteError(f'"{path}" cannot be written: {cause.strerror or cause}. No partial file remains.') from None
