"""What the files of a data set held when a training was started: size and hash of each, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from i2ikit.core.on_task import OnTask, show_nothing
from i2ikit.data.dataset import Dataset, FileDataset
from i2ikit.data.joint import JointDataset
from i2ikit.data.parallel import map_in_threads
from i2ikit.data.source import Source
from i2ikit.errors import DataError

TITLE = "Reading all files once, to notice later changes"
UNREADABLE = "unreadable"
"""Stands for the hash of a file whose bytes cannot be read."""


@frozen
class FileContent:
    """What a file holds.

    Attributes:
        size: Its size in bytes.
        stamp: A text that changes if the file is written again: a time, or the checksum in an archive.
        digest: A hash of its bytes.
    """

    size: int
    stamp: str
    digest: str


Contents = Mapping[str, FileContent]
"""What files hold, by name."""


def list_files(data: Dataset) -> list[str]:
    """Return the names of all files of a data set; none if its images are not files."""
    if _find_files(data) is None:
        return []
    return list(dict.fromkeys(file for item in data.items for file in (item.file, item.target_file) if file is not None))


def read_contents(data: Dataset, known: Contents | None = None, on_task: OnTask = show_nothing) -> dict[str, FileContent]:
    """Return what each file of a data set holds. A file with the size and the stamp of a known one is not read again.

    Args:
        data: The data set; one whose images are not files has no contents.
        known: What was found before.
        on_task: Shows how many of the files that are read are done.
    """
    files = _find_files(data)
    if files is None:
        return {}
    source, known = files.images.source, known or {}
    found = {file: _stat(source, file) for file in list_files(data)}
    to_read = [file for file, content in found.items() if file not in known or not _is_same_version(known[file], content)]
    digests = map_in_threads(lambda file: _hash(source, file), to_read, TITLE, on_task)
    for file, digest in zip(to_read, digests, strict=True):
        found[file] = FileContent(found[file].size, found[file].stamp, digest)
    return {file: content if content.digest else known[file] for file, content in found.items()}


def read_content(data: Dataset, file: str) -> FileContent:
    """Return what a single file of a data set holds now."""
    files = _find_files(data)
    if files is None:
        return FileContent(-1, "", UNREADABLE)
    found = _stat(files.images.source, file)
    return FileContent(found.size, found.stamp, _hash(files.images.source, file))


def combine_digests(contents: Contents) -> str:
    """Return one hash of the contents of all files; an empty text if there are none."""
    if not contents:
        return ""
    digest = hashlib.blake2b(digest_size=16)
    for file, content in contents.items():
        digest.update(repr((file, content.digest)).encode())
    return digest.hexdigest()


def compute_fingerprint(data: Dataset, sizes: Mapping[str, int]) -> str:
    """Return the fingerprint of a data set, in which some files have another size than now."""
    files = _find_files(data)
    return data.fingerprint() if files is None or not sizes else files.fingerprint(sizes)


def list_changed(before: Contents, now: Contents) -> list[str]:
    """Return the files whose content differs."""
    return [file for file, content in now.items() if file in before and before[file].digest != content.digest]


def dump_contents(contents: Contents) -> Iterable[dict[str, Any]]:
    """Yield the contents as JSON data, one entry for each file."""
    for file, content in contents.items():
        yield {"file": file, "size": content.size, "stamp": content.stamp, "digest": content.digest}


def restore_content(entry: Mapping[str, Any]) -> tuple[str, FileContent] | None:
    """Return name and content of an entry that :func:`dump_contents` returned, or None if it is damaged."""
    file, size, stamp, digest = (entry.get(name) for name in ("file", "size", "stamp", "digest"))
    if isinstance(file, str) and type(size) is int and isinstance(stamp, str) and isinstance(digest, str) and digest:
        return file, FileContent(size, stamp, digest)
    return None


def _find_files(data: Dataset) -> FileDataset | None:
    """Return the data set whose images are files, or None."""
    if isinstance(data, JointDataset):
        return _find_files(data.data)
    return data if isinstance(data, FileDataset) else None


def _stat(source: Source, file: str) -> FileContent:
    """Return size and stamp of a file, without its hash."""
    try:
        return FileContent(source.size(file), source.get_stamp(file), "")
    except DataError:
        return FileContent(-1, "", "")


def _is_same_version(known: FileContent, now: FileContent) -> bool:
    return now.size >= 0 and known.digest != UNREADABLE and (known.size, known.stamp) == (now.size, now.stamp)


def _hash(source: Source, file: str) -> str:
    try:
        return hashlib.blake2b(source.read(file), digest_size=16).hexdigest()
    except DataError:
        return UNREADABLE
