"""Transform of an image from its native size to the training size."""

from __future__ import annotations

import torch
from attrs import field, frozen
from torch import Tensor
from torch.nn import functional as F

from i2ikit.data.random_crop import parse_random_crop
from i2ikit.errors import OptionError
from i2ikit.pixels.geometry import centre_window, fit_window


def _check_crop(crop: int | tuple[int, int] | str | None) -> tuple[int, int] | str | None:
    if isinstance(crop, int):
        crop = (crop, crop)
    if isinstance(crop, str) and crop != "fit" and parse_random_crop(crop) is None:
        raise OptionError(f'crop must be a size, (height, width), "fit" or "random:SIZE"; found "{crop}".')
    if isinstance(crop, tuple) and (len(crop) != 2 or min(crop) < 1):
        raise OptionError(f'crop must be a size, (height, width), "fit" or "random:SIZE"; found {crop}.')
    return crop


@frozen
class Transform:
    """Flip, centre crop and resize, in this order as in StarGAN; both images of a pair get the same flip.

    Resizing is bilinear with antialiasing on float values, as torchvision's ``v2.Resize(antialias=True)``.

    Args:
        height: Height of the result.
        width: Width of the result.
        crop: A centre crop before resizing: a size, ``(height, width)``, or ``"fit"`` for the largest crop with the proportions of the
            result. None crops nothing, and stretches an image of other proportions. ``"random:256"`` or ``"random:256x192"`` crops a
            window of that size from the image at its native scale: at a random position if random numbers are given, else at the centre.
        flip: Whether an image is mirrored (left and right) with probability 0.5, if random numbers are given.
        jitter: Random crop, if random numbers are given: the image is resized to (1 + jitter) times the size of the result, then cropped
            at a random position (pix2pix, appendix 6.2: 286 for 256 pixels). Both images of a pair are cropped at the same position. A
            crop ``"random:256"`` takes its place.
        nearest: Whether images are resized to the nearest value, for maps, whose values must not be blended.

    Raises:
        OptionError: A size is below 1, the jitter is not from 0 to 1, or the crop is unknown.
    """

    height: int
    width: int
    crop: tuple[int, int] | str | None = field(default=None, converter=_check_crop)
    flip: bool = False
    jitter: float = 0.0
    nearest: bool = False

    def __attrs_post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise OptionError(f"height and width must be at least 1; found {self.height}x{self.width}.")
        if not 0 <= self.jitter <= 1:
            raise OptionError(f"jitter must be from 0 to 1, such as 0.12; found {self.jitter}.")

    def __call__(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return the image [C height width]; without random numbers, as in evaluation, it is neither mirrored nor jittered."""
        mirrored = self.flip and generator is not None and bool(torch.rand((), generator=generator) < 0.5)
        if generator is None or not self.has_position:
            return self.apply(image, mirrored=mirrored)
        y, x = torch.rand(2, generator=generator).tolist()
        return self.crop_at(self.enlarge(image, mirrored=mirrored), (y, x))

    @property
    def has_position(self) -> bool:
        """Whether the image is cropped at a random position in training."""
        return bool(self.jitter) or self.random_window is not None

    @property
    def random_window(self) -> tuple[int, int] | None:
        """Height and width of the random crop at native scale, or None."""
        return parse_random_crop(self.crop)

    def apply(self, image: Tensor, *, mirrored: bool = False) -> Tensor:
        """Return the image [C H W] at the size of the result [C height width], without jitter.

        Raises:
            DataError: The image is smaller than the crop.
        """
        return self._resize(image, mirrored, (self.height, self.width))

    def enlarge(self, image: Tensor, *, mirrored: bool = False) -> Tensor:
        """Return the image [C H W] for :meth:`crop_at`: at (1 + jitter) times the size of the result; for a random crop, at its own.

        Raises:
            DataError: The image is smaller than the crop.
        """
        if self.random_window is not None:
            centre_window(image.shape[-2:], self.random_window)  # raises an error for an image that is too small
            return (image.flip(-1) if mirrored else image).contiguous()
        return self._resize(image, mirrored, (round(self.height * (1 + self.jitter)), round(self.width * (1 + self.jitter))))

    def crop_at(self, enlarged: Tensor, position: tuple[float, float]) -> Tensor:
        """Return a crop [C height width] of an image from :meth:`enlarge`.

        Args:
            enlarged: The image.
            position: Vertical and horizontal position: 0 is the top or left edge, 1 the bottom or right edge.
        """
        window = self.random_window or (self.height, self.width)
        top, left = (
            min(int(fraction * (larger - side + 1)), larger - side)
            for fraction, larger, side in zip(position, enlarged.shape[-2:], window, strict=True)
        )
        cropped = enlarged[..., top : top + window[0], left : left + window[1]]
        return cropped if self.random_window is None else self._scale(self._fit(cropped), (self.height, self.width))

    def _resize(self, image: Tensor, mirrored: bool, size: tuple[int, int]) -> Tensor:
        if mirrored:
            image = image.flip(-1)
        return self._scale(self.crop_centre(image), size)

    def _scale(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        if image.shape[-2:] == size:
            return image.contiguous()
        if self.nearest:
            return F.interpolate(image[None], size=size, mode="nearest-exact")[0]
        return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=True)[0]

    def crop_centre(self, image: Tensor) -> Tensor:
        """Return the image [C H W], or images [B C H W], with the centre crop, at its native size.

        Raises:
            DataError: The image is smaller than the crop.
        """
        if self.crop is None:
            return image
        size = image.shape[-2:]
        if self.random_window is not None:
            return self._fit(image[..., *centre_window(size, self.random_window)])
        window = fit_window(size, (self.height, self.width)) if isinstance(self.crop, str) else self.crop
        return image[..., *centre_window(size, window)]

    def _fit(self, image: Tensor) -> Tensor:
        """Return the largest centre crop with the proportions of the result."""
        size = image.shape[-2:]
        return image[..., *centre_window(size, fit_window(size, (self.height, self.width)))]
