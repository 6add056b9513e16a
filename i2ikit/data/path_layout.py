"""Split and domain of an image, read from the folders in its path."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from attrs import frozen

from i2ikit.data.manifest import Manifest, Record, find_split, get_stem

EXPRESSIONS = frozenset({"angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"})
"""The folder names of RaFD, as StarGAN's authors sort it."""

_SPLIT_AND_LETTER = re.compile(r"^(train|val|test)([A-Z])$")


@frozen
class ImagePath:
    """The path of an image, in parts.

    Attributes:
        file: The whole path.
        split: The split; empty if no folder names one.
        domain: The folder that names the domain; empty if there is none.
        key: The rest of the path without the suffix.
    """

    file: str
    split: str
    domain: str
    key: str


def parse_image_path(file: str) -> ImagePath:
    """Return the parts of a path; ``trainA``, ``train/A`` and ``A/train`` mean the same."""
    *folders, name = file.split("/")
    split = domain = ""
    if folders and (match := _SPLIT_AND_LETTER.match(folders[0])):
        split, domain, *folders = find_split(match[1]), match[2], *folders[1:]
    else:
        if folders and find_split(folders[0]):
            split, *folders = find_split(folders[0]), *folders[1:]
        elif len(folders) > 1 and find_split(folders[1]):
            split, folders = find_split(folders[1]), [folders[0], *folders[2:]]
        if folders:
            domain, *folders = folders
    return ImagePath(file, split, domain, "/".join([*folders, get_stem(name)]))


def make_labelled_manifest(paths: Sequence[ImagePath], domains: Sequence[str], batch_kind: str) -> Manifest:
    """Return a manifest in which the folder of each image is the value of the attribute ``domain``.

    The attribute is called ``expression`` if all folders are RaFD's.
    """
    column = "expression" if {name.lower() for name in domains} <= EXPRESSIONS else "domain"
    matching = _find_matching_splits(paths, domains)
    records = tuple(
        Record(
            path.file,
            path.split,
            {column: path.domain.strip()},  # values of tables have no spaces around them either
            subject=f"{path.split}:{path.key}" if path.split in matching else None,
            group=path.key,
        )
        for path in paths
    )
    return Manifest(records, (column,), batch_kind=batch_kind, categories={column: tuple(dict.fromkeys(name.strip() for name in domains))})


def _find_matching_splits(paths: Sequence[ImagePath], domains: Sequence[str]) -> set[str]:
    # If all names of two folders are equal, each subject is in both. A few equal names mean nothing: cameras reuse names.
    if len(domains) != 2:
        return set()
    keys: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for path in paths:
        keys[path.split, path.domain].add(path.key)
    return {split for split, _ in keys if keys.get((split, domains[0])) == keys.get((split, domains[1]))}
