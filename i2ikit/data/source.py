"""Sources of files: a folder, or a zip archive that is read without unpacking."""

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

MAX_FILE_BYTES = 1 << 30
"""The largest size of a file in an archive, in bytes, because files are unpacked into memory."""


class Source(Protocol):
    """A folder or an archive that files are read from; names are relative, with forward slashes."""

    @property
    def path(self) -> Path:
        """Path of the folder or archive."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files, sorted."""

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""

    def size(self, file: str) -> int:
        """Return the size of a file in bytes."""

    def get_stamp(self, file: str) -> str:
        """Return a text that changes if the file is written again: its time of change, or its checksum in an archive."""


class FolderSource:
    """The files in a folder and its subfolders, without hidden files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = tuple(sorted(_list_files(path)))

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

    def get_stamp(self, file: str) -> str:
        """Return the time of the last change in nanoseconds, or raise DataError."""
        try:
            return str((self.path / file).stat().st_mtime_ns)
        except OSError as cause:
            raise DataError(f'"{self.path / file}" cannot be read: {cause.strerror}.') from None


class ZipSource:
    """The files of a zip archive, read without unpacking it. If one folder contains all files, the names are relative to it.

    Raises:
        DataError: The archive is damaged, or a file in it has an unsafe name, is a link, needs a password or is too large.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as cause:
            raise DataError(f'Archive "{path}" cannot be opened: {cause}. Check that it was copied completely.') from None
        members = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        for info in members.values():
            _check_member(path, info)
        visible = [name for name in members if not _is_hidden(name)]
        tops = {name.split("/", 1)[0] if "/" in name else "" for name in visible}
        cut = len(tops.pop()) + 1 if len(tops) == 1 and "" not in tops else 0
        self._members = {name[cut:]: members[name] for name in visible}
        self.files = tuple(sorted(self._members))

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""
        try:
            return self._archive.read(self._members[file])
        except KeyError:
            raise DataError(f'Archive "{self.path}" has no file "{file}".') from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as cause:
            raise DataError(
                f'"{file}" in archive "{self.path}" cannot be read: {cause}. Check that the archive was copied completely.'
            ) from None

    def size(self, file: str) -> int:
        """Return the unpacked size of a file in bytes."""
        return self._members[file].file_size

    def get_stamp(self, file: str) -> str:
        """Return the checksum of a file that the archive holds."""
        return f"crc {self._members[file].CRC:08x}"


def open_source(path: Path) -> Source:
    """Return the source of a path, which must exist."""
    return ZipSource(path) if path.is_file() else FolderSource(path)


def sort_naturally(names: Sequence[str]) -> list[str]:
    """Return names sorted with numbers by value: 2 before 10."""
    return sorted(
        names, key=lambda name: [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
    )


def _list_files(root: Path) -> list[str]:
    names: list[str] = []
    visited: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in visited else [name for name in folders if not _is_hidden(name)]
        if real in visited:
            continue
        visited.add(real)
        prefix = Path(folder).relative_to(root).as_posix()
        names += [name if prefix == "." else f"{prefix}/{name}" for name in files if not _is_hidden(name)]
    return names


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.startswith("/") or "\\" in name or ":" in name.split("/", maxsplit=1)[0] or ".." in name.split("/") or "\x00" in name:
        raise DataError(f'Archive "{path}" has a file with the unsafe name "{name}", so it was not opened. Pack the folder again.')
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f'Archive "{path}" has the link "{name}", so it was not opened. Pack the file itself instead of the link.')
    if info.flag_bits & 0x1:
        raise DataError(f'Archive "{path}" needs a password. Pack it without one.')
    if info.file_size > MAX_FILE_BYTES:
        raise DataError(
            f'Archive "{path}" has the file "{name}" of {info.file_size} bytes, so it was not opened. The limit is {MAX_FILE_BYTES}.'
        )
