"""Crop and resize images of any size to the size of the training, in the way the training did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError
from i2ikit.pixels.geometry import centre_window, fit_window


def check_size(size: object) -> None:
    """Raise OptionError if ``size`` is neither "trained" nor None."""
    if size not in (None, "trained"):
        raise OptionError(f'size={size!r} is not supported. Write size="trained", or leave size= out to keep the size of the image.')


def crop_to_training(pixels: Tensor, image: ImageSpec, preprocessing: Mapping[str, Any], *, nearest: bool = False) -> Tensor:
    """Return images [B, C, H, W] cropped and resized to [B, C, height, width]. Images of that size are returned unchanged.

    First the crop window of the training is cut out, if the image is large enough. Then the largest centred window with the
    proportions of the training is resized (bilinear, antialiased; maps to the nearest value), so that nothing is stretched.
    """
    if pixels.shape[-2:] == (image.height, image.width):
        return pixels
    crop = preprocessing.get("crop")
    if crop is not None:
        window = (crop, crop) if isinstance(crop, int) else tuple(crop)
        if window[0] <= pixels.shape[-2] and window[1] <= pixels.shape[-1]:
            pixels = pixels[..., *centre_window(pixels.shape[-2:], window)]
    size = (image.height, image.width)
    pixels = pixels[..., *centre_window(pixels.shape[-2:], fit_window(pixels.shape[-2:], size))]
    if pixels.shape[-2:] == size:
        return pixels
    if nearest:
        return F.interpolate(pixels, size, mode="nearest-exact")
    return F.interpolate(pixels, size, mode="bilinear", align_corners=False, antialias=True)
