"""The folders of an image read as its split and its domain."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from attrs import frozen

from i2ikit.data.manifest import Found, Record, split_folder, stem

EXPRESSIONS = frozenset({"angry", "contemptuous", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"})
"""The folders of RaFD as StarGAN's authors arrange it."""

_LETTERED = re.compile(r"^(train|val|test)([A-Z])$")


@frozen
class Place:
    """Where an image lies: its split and its domain, each empty where the layout has none, and its name within them."""

    file: str
    split: str
    domain: str
    key: str


def place_of(file: str) -> Place:
    """Return where a file lies; ``trainA``, ``train/A`` and ``A/train`` are the same."""
    *folders, name = file.split("/")
    split = domain = ""
    if folders and (letter := _LETTERED.match(folders[0])):
        split, domain, *folders = split_folder(letter[1]), letter[2], *folders[1:]
    else:
        if folders and split_folder(folders[0]):
            split, *folders = split_folder(folders[0]), *folders[1:]
        elif len(folders) > 1 and split_folder(folders[1]):
            split, folders = split_folder(folders[1]), [folders[0], *folders[2:]]
        if folders:
            domain, *folders = folders
    return Place(file, split, domain, "/".join([*folders, stem(name)]))


def labelled(places: Sequence[Place], domains: Sequence[str], batch_kind: str) -> Found:
    """Return one record an image, its folder being the value of the attribute ``domain`` (``expression`` for RaFD's folders)."""
    column = "expression" if {name.lower() for name in domains} <= EXPRESSIONS else "domain"
    shared = _shared_names(places, domains)
    records = tuple(
        Record(
            place.file,
            place.split,
            {column: place.domain},
            subject=f"{place.split}:{place.key}" if place.split in shared else None,
            group=place.key,
        )
        for place in places
    )
    return Found(records, (column,), batch_kind=batch_kind, exclusive={column: tuple(domains)})


def _shared_names(places: Sequence[Place], domains: Sequence[str]) -> set[str]:
    # two folders whose names match fully show each subject twice; by chance alone, cameras give equal names to different things
    if len(domains) != 2:
        return set()
    keys: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for place in places:
        keys[place.split, place.domain].add(place.key)
    return {split for split, _ in keys if keys[split, domains[0]] == keys[split, domains[1]]}
