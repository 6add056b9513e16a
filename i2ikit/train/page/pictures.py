"""Cells cut from the sample grids, embedded in the page as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from PIL import Image

from i2ikit.errors import DataError
from i2ikit.pixels import open_picture
from i2ikit.train.page.run_summary import RunSummary

MAX_STEPS = 8  # in the table of images over time


@frozen
class Example:
    """The translations of one sample to one target value, as data URIs.

    Attributes:
        title: The requested change, such as "hair: blond".
        source: The input image, or "" if images are generated from noise.
        outputs: The translation at each step.
        target: The target image, or "".
        is_training: Whether the input was used for training.
    """

    title: str
    source: str
    outputs: tuple[str, ...]
    target: str
    is_training: bool = False


@frozen
class Pictures:
    """The pictures of the page.

    Attributes:
        steps: The steps that are shown.
        examples: The examples, each with one translation for each step.
        grid: The last sample grid.
    """

    steps: tuple[int, ...]
    examples: tuple[Example, ...]
    grid: str

    @property
    def has_inputs(self) -> bool:
        """Whether the examples have input images, and are not generated from noise alone."""
        return any(example.source for example in self.examples)


def read_pictures(summary: RunSummary) -> Pictures:
    """Cut the examples from the sample grids of a run. Grids that cannot be read are skipped."""
    layout = summary.layout
    steps = choose_evenly(summary.grid_steps, MAX_STEPS)
    grids = {step: grid for step in steps if (grid := _read_picture(summary.find_grid(step))) is not None}
    if not grids or not layout.get("examples"):
        return Pictures((), (), "")
    last = grids[max(grids)]
    examples = []
    for example in layout["examples"]:
        row, column = int(example["row"]), int(example["column"])
        positions = layout["places"]
        target = positions["target"][column][row] if positions.get("target") else None
        examples.append(
            Example(
                title=str(example["title"]),
                source=_cut_cell(last, positions["input"][row], layout) if positions["input"] else "",
                outputs=tuple(_cut_cell(grid, positions["outputs"][column][row], layout) for grid in grids.values()),
                target=_cut_cell(last, target, layout) if target else "",
                is_training=layout["rows"][row].get("split") == "train",
            )
        )
    return Pictures(tuple(grids), tuple(examples), encode_data_uri(last))


def choose_evenly(numbers: Sequence[int], most: int) -> list[int]:
    """Return at most ``most`` of the numbers at even distances, including the first and the last one."""
    if len(numbers) <= most:
        return list(numbers)
    indices: Iterable[int] = dict.fromkeys(round(index * (len(numbers) - 1) / (most - 1)) for index in range(most))
    return [numbers[index] for index in indices]


def encode_data_uri(picture: Image.Image) -> str:
    """Return a picture as a data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=90, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _read_picture(path: Path) -> Image.Image | None:
    try:
        with open_picture(path.read_bytes(), str(path)) as picture:
            return picture.convert("RGB")
    except (OSError, DataError):
        return None


def _cut_cell(grid: Image.Image, position: Sequence[int], layout: Mapping[str, Any]) -> str:
    (left, top), (height, width) = position, layout["cell"]
    return encode_data_uri(grid.crop((left, top, left + width, top + height)))
