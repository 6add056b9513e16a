"""Two folders, unpaired or matched by name, and pairs glued into one image."""

from __future__ import annotations

from collections.abc import Sequence

from i2ikit.data.manifest import Found, Record, listed
from i2ikit.data.path_layout import Place, labelled
from i2ikit.errors import DataError, UnknownNameError, format_count


def two_folders(places: Sequence[Place], domains: Sequence[str], batch_kind: str | None, pairs: object) -> Found:
    """Read two folders: as pairs when all names match, unpaired otherwise, unless the caller says what they are."""
    order = _order(pairs, domains)
    if batch_kind in {"labelled", "unpaired"}:
        return labelled(places, order, batch_kind)
    if batch_kind == "paired" or pairs:
        return matched(places, order, strict=False)
    if pairs is None and _names(places, order[0]) == _names(places, order[1]):
        return matched(places, order, strict=True)
    found = labelled(places, order, "unpaired")
    note = f'Two folders, {listed(order)}, are read as unpaired domains; batch_kind="labelled" reads them as labels.'
    return Found(found.records, found.columns, batch_kind=found.batch_kind, exclusive=found.exclusive, notes=(note,))


def matched(places: Sequence[Place], order: Sequence[str], *, strict: bool) -> Found:
    """Return pairs of equal name, the first folder being the source.

    Raises:
        DataError: No name stands in both folders.
    """
    domains = sorted({place.domain for place in places})
    for name in order:
        if name not in domains:
            raise UnknownNameError("folder", name, domains)
    targets = {(place.split, place.key): place.file for place in places if place.domain == order[1]}
    sources = [place for place in places if place.domain == order[0]]
    records = tuple(
        Record(place.file, place.split, partner=targets[place.split, place.key], group=place.key)
        for place in sources
        if (place.split, place.key) in targets
    )
    if not records:
        first, second = (listed([place.key for place in places if place.domain == name]) for name in order)
        raise DataError(
            f'No name stands both in "{order[0]}" and in "{order[1]}", so there are no pairs: {first} against {second}. Give equal names, '
            f'or use batch_kind="unpaired".'
        )
    keys = {(place.split, place.key) for place in sources}
    lone = [place.file for place in sources if (place.split, place.key) not in targets]
    lone += [file for key, file in targets.items() if key not in keys]
    notes = [f'Pairs by equal name, {order[0]} -> {order[1]}; pairs="{order[1]},{order[0]}" swaps them, batch_kind="unpaired" parts them.']
    if lone and not strict:
        notes.append(f"{format_count(len(lone), 'image')} without a partner of equal name, left out: {listed(lone)}.")
    return Found(records, batch_kind="paired", notes=tuple(notes))


def glued(places: Sequence[Place], pairs: object) -> Found:
    """Return pairs whose left half A is the source and whose right half B is the target; ``pairs=("B", "A")`` swaps them."""
    order = "".join(_order(pairs, ("A", "B")))
    records = tuple(Record(place.file, place.split, partner=place.file) for place in places)
    turned = '"B,A"' if order == "AB" else '"A,B"'
    return Found(
        records,
        batch_kind="paired",
        glued=order,
        notes=(f"Glued pairs, {order[0]} -> {order[1]} (A is the left half); pairs={turned} swaps them.",),
    )


def _order(pairs: object, domains: Sequence[str]) -> tuple[str, str]:
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        return domains[0], domains[1]
    if len(pairs) != 2 or len(set(pairs)) != 2:
        raise DataError(f"A pair is named by source and target; found {listed([str(each) for each in pairs])}.")
    for name in pairs:
        if name not in domains:
            raise UnknownNameError("folder", str(name), domains)
    return str(pairs[0]), str(pairs[1])


def _names(places: Sequence[Place], domain: str) -> set[tuple[str, str]]:
    return {(place.split, place.key) for place in places if place.domain == domain}
