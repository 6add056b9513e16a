"""Cells cut from the sample grids, as images that stand inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from PIL import Image, UnidentifiedImageError

from i2ikit.train.page.record import Record

MOST_STEPS = 8  # in a strip over time


@frozen
class Example:
    """One sample on its way to one target, as data URIs.

    Attributes:
        title: What was asked for, such as "hair: blond".
        source: The input.
        ours: The translation at each of the steps.
        target: The true translation, or "".
    """

    title: str
    source: str
    ours: tuple[str, ...]
    target: str


@frozen
class Pictures:
    """What the page shows: the steps, the examples at each, and the whole of the last grid."""

    steps: tuple[int, ...]
    examples: tuple[Example, ...]
    grid: str


def read_pictures(record: Record) -> Pictures:
    """Cut the examples from a run's grids; a grid that cannot be read is left out."""
    layout = record.layout
    grids = {number: grid for number in evenly(record.sampled, MOST_STEPS) if (grid := _opened(record.sample(number))) is not None}
    if not grids or not layout.get("examples"):
        return Pictures((), (), "")
    last = grids[max(grids)]
    examples = []
    for example in layout["examples"]:
        row, column = int(example["row"]), int(example["column"])
        places = layout["places"]
        true = places["target"][column][row] if places.get("target") else None
        examples.append(
            Example(
                title=str(example["title"]),
                source=_cell(last, places["input"][row], layout),
                ours=tuple(_cell(grid, places["ours"][column][row], layout) for grid in grids.values()),
                target=_cell(last, true, layout) if true else "",
            )
        )
    return Pictures(tuple(grids), tuple(examples), inlined(last))


def evenly(numbers: Sequence[int], most: int) -> list[int]:
    """Return at most ``most`` of the numbers, evenly spread, with the first and the last."""
    if len(numbers) <= most:
        return list(numbers)
    places: Iterable[int] = dict.fromkeys(round(index * (len(numbers) - 1) / (most - 1)) for index in range(most))
    return [numbers[place] for place in places]


def inlined(picture: Image.Image) -> str:
    """Return a picture as a data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=90, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, UnidentifiedImageError):
        return None


def _cell(grid: Image.Image, place: Sequence[int], layout: Mapping[str, Any]) -> str:
    (left, top), (height, width) = place, layout["cell"]
    return inlined(grid.crop((left, top, left + width, top + height)))
