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
        jitter: By what share an image is made larger than the result before a window of the result's size is cut at random, where a
            generator is given (pix2pix, appendix 6.2: 286 for 256 pixels). A pair is cut at the same place.

    Raises:
        OptionError: A size below 1, a jitter that is not from 0 to 1, or an unknown crop.
    """

    height: int
    width: int
    crop: tuple[int, int] | str | None = field(default=None, converter=_window)
    flip: bool = False
    jitter: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise OptionError(f"An image is at least 1x1; found {self.height}x{self.width}.")
        if not 0 <= self.jitter <= 1:
            raise OptionError(f"A jitter is a share from 0 to 1, such as 0.12; found {self.jitter}.")

    def __call__(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the image [C height width]; without a generator it is never mirrored, as evaluation wants."""
        mirrored = self.flip and generator is not None and bool(torch.rand((), generator=generator) < 0.5)
        if generator is None or not self.jitter:
            return self.apply(image, mirrored=mirrored)
        y, x = torch.rand(2, generator=generator).tolist()
        return self.cut(self.grown(image, mirrored=mirrored), (y, x))

    def apply(self, image: Tensor, *, mirrored: bool = False) -> Tensor:
        """Return the image [C H W] at the size of the result [C height width], mirrored or not, without jitter.

        Raises:
            DataError: The image is smaller than the crop.
        """
        return self._resized(image, mirrored, (self.height, self.width))

    def grown(self, image: Tensor, *, mirrored: bool = False) -> Tensor:
        """Return the image at the size from which :meth:`cut` takes a window: that of the result, and larger by the jitter.

        Raises:
            DataError: The image is smaller than the crop.
        """
        return self._resized(image, mirrored, (round(self.height * (1 + self.jitter)), round(self.width * (1 + self.jitter))))

    def cut(self, grown: Tensor, place: tuple[float, float]) -> Tensor:
        """Return a window [C height width] of what :meth:`grown` gave, its top and left between 0 (first) and 1 (last)."""
        top, left = (
            min(int(at * (larger - side + 1)), larger - side)
            for at, larger, side in zip(place, grown.shape[-2:], (self.height, self.width), strict=True)
        )
        return grown[..., top : top + self.height, left : left + self.width]

    def _resized(self, image: Tensor, mirrored: bool, size: tuple[int, int]) -> Tensor:
        if mirrored:
            image = image.flip(-1)
        image = self._cropped(image)
        if image.shape[-2:] == size:
            return image.contiguous()
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]

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
