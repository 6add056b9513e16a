"""Crop and resize images of any size to the size of the training, in the way the training did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.specs import ImageSpec


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
            pixels = _crop_centre(pixels, *window)
    height, width = pixels.shape[-2:]
    scale = min(height / image.height, width / image.width)
    pixels = _crop_centre(pixels, max(1, min(height, round(image.height * scale))), max(1, min(width, round(image.width * scale))))
    if pixels.shape[-2:] == (image.height, image.width):
        return pixels
    if nearest:
        return F.interpolate(pixels, (image.height, image.width), mode="nearest-exact")
    return F.interpolate(pixels, (image.height, image.width), mode="bilinear", align_corners=False, antialias=True)


def _crop_centre(pixels: Tensor, height: int, width: int) -> Tensor:
    top, left = round((pixels.shape[-2] - height) / 2), round((pixels.shape[-1] - width) / 2)
    return pixels[..., top : top + height, left : left + width]
