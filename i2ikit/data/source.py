"""Where the files of a data set lie: a folder or a zip archive, read in place."""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from i2ikit.errors import DataError

MAX_MEMBER = 1 << 30
"""The largest member of an archive that is unpacked into memory, in bytes."""


class Source(Protocol):
    """Named files; a name is relative and has forward slashes."""

    @property
    def path(self) -> Path:
        """Where the source lies."""

    @property
    def files(self) -> tuple[str, ...]:
        """All names, sorted."""

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""

    def size(self, file: str) -> int:
        """Return the size of a file in bytes."""


class FolderSource:
    """The files under a folder; hidden ones are left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = tuple(sorted(_walk(path)))

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""
        try:
            return (self.path / file).read_bytes()
        except OSError as cause:
            raise DataError(f'"{self.path / file}" cannot be read: {cause.strerror}.') from None

    def size(self, file: str) -> int:
        """Return the size of a file in bytes, or raise DataError."""
        try:
            return (self.path / file).stat().st_size
        except OSError as cause:
            raise DataError(f'"{self.path / file}" cannot be read: {cause.strerror}.') from None


class ZipSource:
    """The members of a zip archive, read without unpacking it; one folder that holds everything is left out of the names.

    Raises:
        DataError: The archive is damaged, or a member has an unsafe name, is a link, is locked or is too large.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as cause:
            raise DataError(f'Archive "{path}" cannot be opened: {cause}. Check that it was copied whole.') from None
        members = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        for info in members.values():
            _refuse_unsafe(path, info)
        visible = [name for name in members if not _hidden(name)]
        tops = {name.split("/", 1)[0] if "/" in name else "" for name in visible}
        cut = len(tops.pop()) + 1 if len(tops) == 1 and "" not in tops else 0
        self._members = {name[cut:]: members[name] for name in visible}
        self.files = tuple(sorted(self._members))

    def read(self, file: str) -> bytes:
        """Return the bytes of a member, or raise DataError."""
        try:
            return self._archive.read(self._members[file])
        except KeyError:
            raise DataError(f'Archive "{self.path}" has no "{file}".') from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as cause:
            raise DataError(
                f'"{file}" in archive "{self.path}" cannot be read: {cause}. Check that the archive was copied whole.'
            ) from None

    def size(self, file: str) -> int:
        """Return the size of a member in bytes, unpacked."""
        return self._members[file].file_size


def open_source(path: Path) -> Source:
    """Return the source at a path that exists."""
    return ZipSource(path) if path.is_file() else FolderSource(path)


def natural_order(names: Sequence[str]) -> list[str]:
    """Return names sorted as people count: 2 before 10."""
    return sorted(
        names, key=lambda name: [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
    )


def _walk(root: Path) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else [name for name in folders if not _hidden(name)]
        if real in seen:
            continue
        seen.add(real)
        prefix = Path(folder).relative_to(root).as_posix()
        found += [name if prefix == "." else f"{prefix}/{name}" for name in files if not _hidden(name)]
    return found


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.startswith("/") or "\\" in name or ":" in name.split("/", maxsplit=1)[0] or ".." in name.split("/") or "\x00" in name:
        raise DataError(f'Archive "{path}" holds the unsafe name "{name}". It was not opened; pack the folder anew.')
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f'Archive "{path}" holds the link "{name}". It was not opened; pack the files themselves.')
    if info.flag_bits & 0x1:
        raise DataError(f'Archive "{path}" is locked with a password. Pack it without one.')
    if info.file_size > MAX_MEMBER:
        raise DataError(f'Archive "{path}" holds "{name}" of {info.file_size} bytes, more than an image needs. It was not opened.')
