"""Random crops of images at their native scale: training sees a window at a random place, everything else the window at the centre."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from i2ikit.errors import OptionError

if TYPE_CHECKING:
    from i2ikit.data.dataset import Dataset

PREFIX = "random:"


def parse_random_crop(crop: object) -> tuple[int, int] | None:
    """Return height and width of the window in ``"random:256"`` or ``"random:256x192"``; None for anything else.

    Raises:
        OptionError: The text begins with "random", and names no size.
    """
    if not isinstance(crop, str) or not crop.strip().lower().startswith("random"):
        return None
    found = re.fullmatch(r"random:(\d+)(?:x(\d+))?", crop.strip().lower())
    size = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if min(size) < 1:
        raise OptionError(f'crop="{crop}" names no size. Write crop="random:256", or crop="random:256x192" for height and width.')
    return size


def format_random_crop(size: tuple[int, int]) -> str:
    """Return the text of a random crop: ``"random:256x192"``."""
    return f"{PREFIX}{size[0]}" if size[0] == size[1] else f"{PREFIX}{size[0]}x{size[1]}"


def find_random_crop(data: Dataset) -> tuple[int, int] | None:
    """Return height and width of the random crop with which a data set was opened; None if it has none."""
    inner = getattr(data, "data", data)  # a joint data set wraps another one
    reading = getattr(getattr(inner, "images", None), "reading", None)
    return reading.crop if reading is not None and reading.random_crop else None


def open_whole(data: Dataset) -> Dataset:
    """Return a data set whose images are not cropped when they are read."""
    from i2ikit.data.dataset import FileDataset
    from i2ikit.data.images import Images
    from i2ikit.data.joint import JointDataset

    if isinstance(data, JointDataset):
        return JointDataset(open_whole(data.data), data.domain)
    if not isinstance(data, FileDataset):
        return data
    whole = data.select(data.items)
    whole.images = Images(data.images.source, evolve(data.images.reading, crop=None, random_crop=False))
    whole.images.expected_channels = data.images.expected_channels
    return whole
