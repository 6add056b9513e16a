"""Writing of files without partial results."""

from __future__ import annotations

import uuid
from pathlib import Path

from i2ikit.errors import DataError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is either complete or not changed: a temporary file in the same folder is renamed.

    Raises:
        DataError: The folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as cause:
        raise DataError(f'"{path}" cannot be written: {cause.strerror}. No partial file remains.') from None
