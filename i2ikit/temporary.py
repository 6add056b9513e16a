"""Writing under a temporary name: a file or folder appears under its own name only when it is complete.

A process that is killed leaves its temporary files. Their names tell which process made them, so that the next one can remove them.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import re
import shutil
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

MAX_AGE = 24 * 3600.0
"""Seconds after which a temporary file is dead if its process cannot be checked, because it ran on another machine."""

_NAME = re.compile(r"\.(?P<name>.+)\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-(?P<start>[0-9a-f]{8})-\d+\.(?P<kind>tmp|old)", re.DOTALL)
_FORMER_NAME = re.compile(r"\.(?P<name>.+)\.(?:[0-9a-f]{8}\.(?P<kind>tmp|old)|[0-9a-f]{32}\.tmp)", re.DOTALL)  # of version 0.1
_LONGEST_NAME = 180  # in bytes: file systems allow 255
CAN_CHECK = os.name == "posix"
"""Whether the system tells if a process exists. On Windows, the call that asks would send it Ctrl-C."""
_START = uuid.uuid4().hex[:8]  # another process may have the same number later
_numbers = itertools.count()
_swept_folders: set[Path] = set()


def _find_machine() -> str:
    namespace = ""  # containers with one host name number their processes independently
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is not the name of a file
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]


_MACHINE = _find_machine()


def make_temporary_path(path: Path, kind: str = "tmp") -> Path:
    """Return a new hidden name beside ``path``.

    Args:
        path: The file or folder that will be written.
        kind: ``"tmp"`` for new content; ``"old"`` for a folder that is moved away until the new one is in place.
    """
    encoded = os.fsencode(path.name)
    name = path.name if len(encoded) <= _LONGEST_NAME else encoded[:_LONGEST_NAME].decode(sys.getfilesystemencoding(), errors="ignore")
    return path.with_name(f".{name}.{_MACHINE}-{os.getpid()}-{_START}-{next(_numbers)}.{kind}")


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that it is either complete or not changed: a temporary file in the same folder is renamed.

    Raises:
        OSError: The file cannot be written. Its ``filename`` is ``path``, and no temporary file remains.
    """
    temporary = make_temporary_path(path)
    try:
        sweep_once(path.parent)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror or str(error), str(path)) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep_once(folder: Path) -> None:
    """Remove what killed processes left in a folder, when this process first writes there."""
    if folder not in _swept_folders:
        _swept_folders.add(folder)
        remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders in a folder that belong to dead processes. A folder that was moved away moves back.

    It looks at names only, and leaves alone what it cannot remove.
    """
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = _NAME.fullmatch(entry.name) or _FORMER_NAME.fullmatch(entry.name)
            if found and _is_dead(entry, found.groupdict()):
                _remove(Path(entry.path), folder / found["name"] if found["kind"] == "old" else None)


def _remove(path: Path, origin: Path | None) -> None:
    with suppress(OSError):
        if origin is not None and not origin.exists():
            path.replace(origin)
        elif origin is not None:
            move_others(path, origin)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder so that nobody sees a part of it, also if this process is killed meanwhile. What cannot be removed stays."""
    hidden = make_temporary_path(folder)
    with suppress(OSError):
        folder = folder.replace(hidden)
    shutil.rmtree(folder, ignore_errors=True)


def move_others(old: Path, directory: Path) -> None:
    """Move the files and folders that ``directory`` does not have there from ``old``."""
    for each in list(old.iterdir()):
        if not (directory / each.name).exists():
            each.replace(directory / each.name)


def _is_dead(entry: os.DirEntry[str], found: dict[str, str | None]) -> bool:
    if found.get("machine") == _MACHINE and CAN_CHECK:
        process = int(found["process"] or 0)
        return found["start"] != _START if process == os.getpid() else not is_alive(process)
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > MAX_AGE


def is_alive(process: int) -> bool:
    """Return whether a process of this machine exists, by its number; True if the system does not tell."""
    if not CAN_CHECK:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to another user
        return True
    return True
