"""Files that are whole or not there."""

from __future__ import annotations

import uuid
from pathlib import Path

from i2ikit.errors import DataError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed.

    Raises:
        DataError: The folder cannot be written or the disk is full.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(data)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as cause:
        raise DataError(f'"{path}" cannot be written: {cause.strerror}. Nothing was left half-written.') from None
