"""Crops and resizes images to the size that is measured at."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.data import Transform
from i2ikit.errors import OptionError, suggest

Resize = Literal["lanczos", "bilinear"]
RESIZES: dict[str, str] = {
    "lanczos": "Lanczos with three lobes, antialiased, as Pillow's LANCZOS, on float values, clamped",
    "bilinear": "bilinear, antialiased, as i2ikit.data.Transform does for training",
}
LOBES = 3


def _check_resize(_: object, __: object, value: str) -> None:
    if value not in RESIZES:
        raise OptionError(f'resize="{value}" is unknown. {suggest(value, RESIZES)}')


@frozen
class Preparation:
    """Crops and resizes inputs and targets in the same way, without mirroring.

    Args:
        height: The height of the result.
        width: The width of the result.
        crop: The crop, as in :class:`i2ikit.data.Transform`.
        resize: ``"lanczos"`` or ``"bilinear"``. Images that already have the size stay as they are.

    Raises:
        OptionError: ``resize`` is unknown.
    """

    height: int
    width: int
    crop: Any = None
    resize: str = field(default="lanczos", validator=_check_resize)

    def __call__(self, image: Tensor) -> Tensor:
        """Return an image [C, H, W] or images [B, C, H, W] in [-1, 1], cropped and resized.

        Raises:
            DataError: The image is smaller than the crop.
            OptionError: The size or the crop is out of range.
        """
        transform = Transform(self.height, self.width, crop=self.crop)
        if self.resize == "bilinear":
            return transform.apply(image) if image.ndim == 3 else torch.stack([transform.apply(each) for each in image])
        image = transform.crop_centre(image)
        if image.shape[-2:] == (self.height, self.width):
            return image.contiguous()
        rows = _compute_weights(image.shape[-2], self.height).to(image)
        columns = _compute_weights(image.shape[-1], self.width).to(image)
        return (rows @ (image @ columns.T)).clamp(-1.0, 1.0)

    def protocol(self) -> dict[str, Any]:
        """Return the entries of the protocol: two numbers can be compared only if they are equal."""
        crop = list(self.crop) if isinstance(self.crop, tuple) else self.crop
        return {"size": [self.height, self.width], "resize": RESIZES[self.resize], "crop": crop}


@lru_cache(maxsize=16)
def _compute_weights(old: int, new: int) -> Tensor:
    """Return the weights of the old pixels for each new pixel [new, old]."""
    scale = old / new
    stretch = max(scale, 1.0)
    support = LOBES * stretch
    weights = torch.zeros(new, old, dtype=torch.float64)
    for row in range(new):
        centre = (row + 0.5) * scale
        first, last = max(0, int(centre - support + 0.5)), min(old, int(centre + support + 0.5))
        for index in range(first, last):
            weights[row, index] = _lanczos((index + 0.5 - centre) / stretch)
    return weights / weights.sum(1, keepdim=True)


def _lanczos(x: float) -> float:
    if x == 0.0:
        return 1.0
    if abs(x) >= LOBES:
        return 0.0
    return LOBES * math.sin(math.pi * x) * math.sin(math.pi * x / LOBES) / (math.pi * x) ** 2
