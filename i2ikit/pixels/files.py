"""Writing of files without partial results."""

from __future__ import annotations

from pathlib import Path

from i2ikit.errors import WriteError
from i2ikit.temporary import replace_file


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
