"""RaFD as it is distributed: the expression stands in the file name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from i2ikit.data.manifest import Found, Record
from i2ikit.data.path_layout import Place

# the six parts: angle, person, collection (such as Caucasian or Kid), gender, expression, and gaze
_NAME = re.compile(r"^Rafd(\d+)_(\d+)_([A-Za-z]+)_([a-z]+)_([a-z]+)_([a-z]+)$")


def is_rafd(file: str) -> bool:
    """Return whether a name is one of RaFD's, such as ``Rafd090_01_Caucasian_female_angry_frontal.jpg``."""
    return bool(_NAME.match(PurePosixPath(file).stem))


def read_names(places: Sequence[Place]) -> Found:
    """Read angle, gender, expression and gaze from the names; only the expression is a label unless others are asked for.

    A subject is a person under one angle and gaze; a person is never in two splits.
    """
    records: list[Record] = []
    for place in places:
        match = _NAME.match(PurePosixPath(place.file).stem)
        if match is None:
            continue
        angle, person, _, gender, expression, gaze = match.groups()
        cells: dict[str, str | None] = {"expression": expression, "gender": gender, "gaze": gaze, "angle": angle}
        records.append(Record(place.file, place.split, cells, subject=f"{person}_{angle}_{gaze}", group=person))
    found = sorted({str(record.cells["expression"]) for record in records})
    exclusive = {"expression": tuple(found)} if len(found) > 1 else {}
    return Found(tuple(records), ("expression", "gender", "gaze", "angle"), labels=("expression",), exclusive=exclusive)
