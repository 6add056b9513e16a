"""Sources of files: a folder, or a zip archive that is read without unpacking."""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from i2ikit.errors import DataError
from i2ikit.paths import is_system_name
from i2ikit.pixels.files import read_bytes

MAX_FILE_BYTES = 1 << 28
"""The largest size of a file in an archive and of a table, in bytes, because these are unpacked into memory as a whole."""

SYSTEM = "hidden, or of the system"
LINKED = "there under another name"
BROKEN = "link to nothing"
SPECIAL = "neither file nor folder"
CLOSED = "cannot be opened"

_HEAD = 256  # bytes from which the format of a file is known
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)

LeftOut = dict[str, list[str]]
"""Names of the files and folders that are left out, by cause."""


class Source(Protocol):
    """A folder or an archive that files are read from; names are relative, with forward slashes."""

    @property
    def path(self) -> Path:
        """Path of the folder or archive."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files, sorted."""

    @property
    def left_out(self) -> LeftOut:
        """Names of files and folders that are not among the files, by cause."""

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""

    def read_head(self, file: str) -> bytes:
        """Return the first 256 bytes of a file; nothing if it cannot be read."""

    def size(self, file: str) -> int:
        """Return the size of a file in bytes."""

    def get_stamp(self, file: str) -> str:
        """Return a text that changes if the file is written again: its time of change, or its checksum in an archive."""


class FolderSource:
    """The files in a folder and its subfolders, without hidden files and those of the system.

    Links are followed. A folder that is there twice, itself or by a link, is read once, under its own name.

    Raises:
        DataError: The folder cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left_out: LeftOut = {}
        self.files = tuple(sorted(_list_files(path, self.left_out)))

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError."""
        return read_bytes(self.path / file)

    def read_head(self, file: str) -> bytes:
        """Return the first 256 bytes of a file; nothing if it cannot be read."""
        with suppress(OSError), (self.path / file).open("rb") as opened:
            return opened.read(_HEAD)
        return b""

    def size(self, file: str) -> int:
        """Return the size of a file in bytes, or raise DataError."""
        return self._stat(file).st_size

    def get_stamp(self, file: str) -> str:
        """Return the time of the last change in nanoseconds, or raise DataError."""
        return str(self._stat(file).st_mtime_ns)

    def _stat(self, file: str) -> os.stat_result:
        try:
            return (self.path / file).stat()
        except OSError as cause:
            raise DataError(f'"{self.path / file}" cannot be read: {cause.strerror}.') from None


class ZipSource:
    """The files of a zip archive, read without unpacking it. If one folder contains all files, the names are relative to it.

    Raises:
        DataError: The archive is damaged, or a file in it has an unsafe name, is a link or needs a password.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except OSError as cause:
            raise DataError(f'Archive "{path}" cannot be opened: {cause.strerror or cause}.') from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as cause:
            raise DataError(f'Archive "{path}" cannot be opened: {cause}. Check that it was copied completely.') from None
        members = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        for info in members.values():
            _check_member(path, info)
        hidden = sorted(name for name in members if is_system_name(name))
        self.left_out: LeftOut = {SYSTEM: hidden} if hidden else {}
        visible = [name for name in members if not is_system_name(name)]
        tops = {name.split("/", 1)[0] if "/" in name else "" for name in visible}
        cut = len(tops.pop()) + 1 if len(tops) == 1 and "" not in tops else 0
        self._members = {name[cut:]: members[name] for name in visible}
        self.files = tuple(sorted(self._members))

    def read(self, file: str) -> bytes:
        """Return the bytes of a file, or raise DataError. Its declared size is checked before, and no more than that is unpacked."""
        member = self._members.get(file)
        if member is None:
            raise DataError(f'Archive "{self.path}" has no file "{file}".')
        if member.file_size > MAX_FILE_BYTES:
            raise DataError(
                f'"{file}" in archive "{self.path}" has {member.file_size:,} bytes unpacked. The limit of files in archives is '
                f"{MAX_FILE_BYTES:,}. Unpack the archive, and open the folder."
            )
        try:
            return self._archive.read(member)
        except _DAMAGE as cause:
            raise DataError(
                f'"{file}" in archive "{self.path}" cannot be read: {cause}. Check that the archive was copied completely.'
            ) from None

    def read_head(self, file: str) -> bytes:
        """Return the first 256 bytes of a file; nothing if it cannot be read."""
        with suppress(*_DAMAGE), self._archive.open(self._members[file]) as opened:
            return opened.read(_HEAD)
        return b""

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


def _list_files(root: Path, left_out: LeftOut) -> list[str]:
    """Return the names of the files below a folder, and add to ``left_out`` what is not among them."""
    names: list[str] = []
    visited: set[str] = set()
    links: list[str] = []
    try:
        _visit(root, "", names, links, visited, left_out)
    except OSError as cause:
        raise DataError(f'Folder "{root}" cannot be opened: {cause.strerror}.') from None
    while links:  # after all folders, so that a link never takes the place of the folder that it leads to
        _visit(root, links.pop(0), names, links, visited, left_out)
    for each in left_out.values():
        each.sort()
    return names


def _visit(root: Path, top: str, names: list[str], links: list[str], visited: set[str], left_out: LeftOut) -> None:
    """Add the names in a folder and its subfolders, and those of links to folders, which are visited later."""
    folders = [top]
    while folders:
        folder = folders.pop()
        real = os.path.realpath(root / folder)
        if real in visited:
            left_out.setdefault(LINKED, []).append(f"{folder}/")
            continue
        visited.add(real)
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as cause:
            if not folder:
                raise
            left_out.setdefault(f"{CLOSED} ({cause.strerror})", []).append(f"{folder}/")
            continue
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if is_system_name(entry.name):
                left_out.setdefault(SYSTEM, []).append(name)
            elif _leads_to(entry.is_file):
                names.append(name)
            elif _leads_to(entry.is_dir):
                (links if entry.is_symlink() else folders).append(name)
            else:
                left_out.setdefault(BROKEN if entry.is_symlink() else SPECIAL, []).append(name)


def _leads_to(is_kind: Callable[[], bool]) -> bool:
    """Return whether an entry, or what a link leads to, is of a kind; not if that cannot be looked up, as for a link to itself."""
    try:
        return is_kind()
    except OSError:
        return False


def _check_member(path: Path, info: zipfile.ZipInfo) -> None:
    name = info.filename
    if name.startswith("/") or "\\" in name or ":" in name.split("/", maxsplit=1)[0] or ".." in name.split("/") or "\x00" in name:
        raise DataError(f'Archive "{path}" has a file with the unsafe name "{name}", so it was not opened. Pack the folder again.')
    if stat.S_ISLNK(info.external_attr >> 16):
        raise DataError(f'Archive "{path}" has the link "{name}", so it was not opened. Pack the file itself instead of the link.')
    if info.flag_bits & 0x1:
        raise DataError(f'Archive "{path}" needs a password. Pack it without one.')
