"""Reading of whole files into memory: regular files only, because a pipe or a device may have no end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 1 << 28
"""The largest size of a text file, in bytes: logs of long runs have some ten million."""


def read_regular(path: Path, max_bytes: int | None = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Args:
        path: The file.
        max_bytes: The largest size; None for files that are bounded in another way, such as images.

    Raises:
        OSError: The file cannot be read, is larger than ``max_bytes``, or is a folder, a pipe or a device.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
        if max_bytes is not None and found.st_size > max_bytes:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, more than {max_bytes:,}", str(path))
        return file.read() or b""  # nothing is there to read of some files of the kernel


def read_regular_text(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file, with one character for each end of a line.

    Raises:
        OSError: As :func:`read_regular`.
        UnicodeDecodeError: It is no text in this encoding.
    """
    return read_regular(path).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # else it would wait for somebody to write into a pipe
