"""From the native image to the size that is measured at."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import torch
from attrs import field, frozen
from torch import Tensor

from i2ikit.data import Transform
from i2ikit.errors import DataError, OptionError, suggest

Resize = Literal["lanczos", "bilinear"]
RESIZES: dict[str, str] = {
    "lanczos": "Lanczos with three lobes, antialiased, as Pillow's LANCZOS, on float values, clamped",
    "bilinear": "bilinear, antialiased, as i2ikit.data.Transform does for training",
}
LOBES = 3


def _known(_: object, __: object, value: str) -> None:
    if value not in RESIZES:
        raise OptionError(f'"{value}" is no way to resize. {suggest(value, RESIZES)}')


@frozen
class Preparation:
    """How inputs and targets alike are cropped and resized; nothing is mirrored.

    Args:
        height: Of the result.
        width: Of the result.
        crop: As :class:`i2ikit.data.Transform` takes it.
        resize: One of ``RESIZES``. Images that have the size already are left as they are.

    Raises:
        OptionError: A size below 1, an unknown crop or an unknown way to resize.
    """

    height: int
    width: int
    crop: Any = None
    resize: str = field(default="lanczos", validator=_known)

    def __call__(self, image: Tensor) -> Tensor:
        """Return an image [C H W] or images [B C H W] in [-1, 1] at the size of the result.

        Raises:
            DataError: The image is smaller than the crop.
        """
        transform = Transform(self.height, self.width, crop=self.crop)
        if self.resize == "bilinear":
            return transform.apply(image) if image.ndim == 3 else torch.stack([transform.apply(each) for each in image])
        image = self._cropped(image)
        if image.shape[-2:] == (self.height, self.width):
            return image.contiguous()
        rows = _weights(image.shape[-2], self.height).to(image)
        columns = _weights(image.shape[-1], self.width).to(image)
        return (rows @ (image @ columns.T)).clamp(-1.0, 1.0)

    def protocol(self) -> dict[str, Any]:
        """Return what has to be equal before two numbers may be compared."""
        crop = list(self.crop) if isinstance(self.crop, tuple) else self.crop
        return {"size": [self.height, self.width], "resize": RESIZES[self.resize], "crop": crop}

    def _cropped(self, image: Tensor) -> Tensor:
        if self.crop is None:
            return image
        height, width = image.shape[-2:]
        if self.crop == "fit":
            scale = min(height / self.height, width / self.width)
            window = (min(height, round(self.height * scale)), min(width, round(self.width * scale)))
        else:
            window = (self.crop, self.crop) if isinstance(self.crop, int) else (int(self.crop[0]), int(self.crop[1]))
        if window[0] > height or window[1] > width:
            raise DataError(f"An image is {height}x{width}, smaller than the crop of {window[0]}x{window[1]}. Crop less.")
        top, left = round((height - window[0]) / 2), round((width - window[1]) / 2)
        return image[..., top : top + window[0], left : left + window[1]]


@lru_cache(maxsize=16)
def _weights(old: int, new: int) -> Tensor:
    """Return the weight of each old pixel for each new one [new, old]."""
    scale = old / new
    stretch = max(scale, 1.0)
    support = LOBES * stretch
    weights = torch.zeros(new, old, dtype=torch.float64)
    for place in range(new):
        centre = (place + 0.5) * scale
        first, last = max(0, int(centre - support + 0.5)), min(old, int(centre + support + 0.5))
        for index in range(first, last):
            weights[place, index] = _lanczos((index + 0.5 - centre) / stretch)
    return weights / weights.sum(1, keepdim=True)


def _lanczos(x: float) -> float:
    if x == 0.0:
        return 1.0
    if abs(x) >= LOBES:
        return 0.0
    return LOBES * math.sin(math.pi * x) * math.sin(math.pi * x / LOBES) / (math.pi * x) ** 2
