"""Reader of RaFD as distributed: the file name contains the expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from i2ikit.data.manifest import Manifest, Record
from i2ikit.data.path_layout import ImagePath

# The six parts are angle, person, collection (such as Caucasian or Kid), gender, expression and gaze.
_NAME = re.compile(r"^Rafd(\d+)_(\d+)_([A-Za-z]+)_([a-z]+)_([a-z]+)_([a-z]+)$")


def is_rafd(file: str) -> bool:
    """Return whether a file name is one of RaFD's, such as ``Rafd090_01_Caucasian_female_angry_frontal.jpg``."""
    return bool(_NAME.match(PurePosixPath(file).stem))


def read_rafd(paths: Sequence[ImagePath]) -> Manifest:
    """Read angle, gender, expression and gaze from the file names; by default only the expression is a label.

    A subject is a person under one angle and gaze. All images of a person are in the same split.
    """
    records: list[Record] = []
    for path in paths:
        match = _NAME.match(PurePosixPath(path.file).stem)
        if match is None:
            continue
        angle, person, _, gender, expression, gaze = match.groups()
        cells: dict[str, str | None] = {"expression": expression, "gender": gender, "gaze": gaze, "angle": angle}
        records.append(Record(path.file, path.split, cells, subject=f"{person}_{angle}_{gaze}", group=person))
    expressions = sorted({str(record.cells["expression"]) for record in records})
    categories = {"expression": tuple(expressions)} if len(expressions) > 1 else {}
    return Manifest(tuple(records), ("expression", "gender", "gaze", "angle"), labels=("expression",), categories=categories)
