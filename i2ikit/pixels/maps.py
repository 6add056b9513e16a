"""Maps: images whose values are class indices or instance numbers, which must not be blended with each other."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import DataError, format_count
from i2ikit.pixels.decoding import Pixels, check_lossless, decode_values
from i2ikit.pixels.formats import find_format
from i2ikit.pixels.pictures import MAX_PIXELS, open_picture

_LARGEST_NUMBER = 65535


def decode_map(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the numbers [H W 1] in the bytes of a map: uint8 or uint16. In a palette image, they are the indices, not the colours.

    Raises:
        DataError: The file is damaged, declares more pixels than ``max_pixels``, or is a picture with colours.
    """
    if find_format(data) not in {None, "NPY"}:
        with open_picture(data, name, max_pixels) as image:
            if image.mode == "P":
                check_lossless(image, name)
                image.load()
                return np.asarray(image)[..., None].copy()
    return check_map(decode_values(data, name, max_pixels), name)


def check_map(pixels: Pixels, name: str) -> Pixels:
    """Return the numbers [H W 1] of a map as uint8 or uint16, or raise DataError if they are colours, fractions or out of range."""
    if pixels.shape[2] != 1 or pixels.dtype.kind not in "bui":
        found = f"{format_count(pixels.shape[2], 'channel')} of {pixels.dtype}"
        raise DataError(f'Map "{name}" must hold one whole number a pixel; found {found}. Save it as a grey or palette PNG of the numbers.')
    least, most = int(pixels.min()), int(pixels.max())
    if least < 0 or most > _LARGEST_NUMBER:
        raise DataError(f'Map "{name}" holds numbers from {least} to {most}. The numbers of a map must be 0 to {_LARGEST_NUMBER}.')
    return pixels.astype(np.uint8 if pixels.dtype.itemsize == 1 else np.uint16, copy=False)


def make_planes(numbers: Tensor, content: str, channels: int, name: str) -> Tensor:
    """Return the planes of a map as float32: for a label map, one plane for each class with values 0 and 1; else the numbers.

    Args:
        numbers: Whole numbers [1 H W].
        content: "label_map" or "instance_map".
        channels: The number of classes of a label map.
        name: Name of the file for error messages.

    Raises:
        DataError: A class index is too large.
    """
    if content != "label_map":
        return numbers.to(torch.int32).float()
    indices = numbers[0].to(torch.int64)
    largest = int(indices.max())
    if largest >= channels:
        raise DataError(
            f'Label map "{name}" has the class index {largest}, but there are {channels} classes, 0 to {channels - 1}. Set '
            "source_channels= to the number of classes, or correct the file."
        )
    return F.one_hot(indices, channels).permute(2, 0, 1).float()


def colour_map(planes: Tensor) -> Tensor:
    """Return a picture [3 H W] in [-1, 1] of the planes of a map [C H W], with another colour for each number."""
    numbers = planes.argmax(0) if planes.shape[0] > 1 else planes[0].long()
    factors = torch.tensor([37, 101, 173], device=planes.device)[:, None, None]
    return ((numbers * factors + numbers.sign() * 64) % 256).float() / 127.5 - 1
