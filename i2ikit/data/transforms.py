"""From the native image to the size that is trained on."""

from __future__ import annotations

import torch
from attrs import field, frozen
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import DataError, OptionError


def _window(crop: int | tuple[int, int] | str | None) -> tuple[int, int] | str | None:
    if isinstance(crop, int):
        crop = (crop, crop)
    if isinstance(crop, str) and crop != "fit":
        raise OptionError(f'A crop is a size, (height, width) or "fit"; found "{crop}".')
    if isinstance(crop, tuple) and (len(crop) != 2 or min(crop) < 1):
        raise OptionError(f'A crop is a size, (height, width) or "fit"; found {crop}.')
    return crop


@frozen
class Transform:
    """Flip, crop the centre, resize: in this order, as StarGAN does; a pair gets the same flip.

    Resizing is bilinear with antialiasing on float values, equal to torchvision's ``v2.Resize(antialias=True)``.

    Args:
        height: Of the result.
        width: Of the result.
        crop: A centred window before resizing: a size, ``(height, width)``, ``"fit"`` for the largest window of the result's
            proportions, or None, which stretches an image of other proportions.
        flip: Mirror left and right with probability one half, where a generator is given.

    Raises:
        OptionError: A size below 1 or an unknown crop.
    """

    height: int
    width: int
    crop: tuple[int, int] | str | None = field(default=None, converter=_window)
    flip: bool = False

    def __attrs_post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise OptionError(f"An image is at least 1x1; found {self.height}x{self.width}.")

    def __call__(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the image [C height width]; without a generator it is never mirrored, as evaluation wants."""
        mirrored = self.flip and generator is not None and bool(torch.rand((), generator=generator) < 0.5)
        return self.apply(image, mirrored=mirrored)

    def apply(self, image: Tensor, *, mirrored: bool = False) -> Tensor:
        """Return the image [C H W] at the size of the result [C height width], mirrored or not.

        Raises:
            DataError: The image is smaller than the crop.
        """
        if mirrored:
            image = image.flip(-1)
        image = self._cropped(image)
        if image.shape[-2:] == (self.height, self.width):
            return image.contiguous()
        return F.interpolate(image[None], size=(self.height, self.width), mode="bilinear", align_corners=False, antialias=True)[0]

    def _cropped(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        if self.crop is None:
            return image
        if isinstance(self.crop, str):
            scale = min(height / self.height, width / self.width)
            window = (min(height, round(self.height * scale)), min(width, round(self.width * scale)))
        else:
            window = self.crop
        if window[0] > height or window[1] > width:
            raise DataError(f"An image is {height}x{width}, smaller than the crop of {window[0]}x{window[1]}. Crop less.")
        top, left = round((height - window[0]) / 2), round((width - window[1]) / 2)
        return image[..., top : top + window[0], left : left + window[1]]
