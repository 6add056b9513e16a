"""Decoding of image files as pixels. Nothing is converted unless it loses nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from i2ikit.errors import DataError
from i2ikit.pixels import png16
from i2ikit.pixels.arrays import decode_array, read_shape
from i2ikit.pixels.formats import find_format
from i2ikit.pixels.pictures import MAX_PIXELS, explain_damage, open_picture, read_picture_size

Pixels = NDArray[Any]
"""An image [H W C] of uint8, uint16 or float32 in [-1, 1]."""

_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB"}
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the pixels [H W C] of an image file: uint8, uint16, or float32 in [-1, 1].

    Palette colours become RGB or RGBA, a bitmap becomes grey, and an image is rotated as its EXIF tag requires.

    Args:
        data: The bytes of the file.
        name: Name of the file for error messages.
        max_pixels: The largest number of pixels. It is compared with the size that the file declares, before anything is decoded.

    Raises:
        DataError: The file is damaged or too large, or decoding it would lose information (CMYK, 32 bits).
    """
    if not data:
        raise DataError(f'Image "{name}" is empty (0 bytes). Replace or remove it.')
    if find_format(data) == "NPY":
        return _scale_array(decode_array(data, name, max_pixels), name)
    if png16.is_deep_colour(data):
        with explain_damage(name):
            return png16.read(data, name, max_pixels)
    with open_picture(data, name, max_pixels) as image:
        check_lossless(image, name)
        image.load()
        return convert_pil_image(ImageOps.exif_transpose(image), name)


def read_size(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return height and width of an image file from its header, after its EXIF rotation.

    Raises:
        DataError: The file has another format, declares more pixels, or its header is damaged.
    """
    return read_shape(data, name, max_pixels)[:2] if find_format(data) == "NPY" else read_picture_size(data, name, max_pixels)


def check_lossless(image: Image.Image, name: str) -> None:
    """Raise DataError if Pillow would read only a part of a file: one of several frames, or 8 of 16 bits."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # MPO: a photograph with a depth map or a thumbnail
        raise DataError(f'Image "{name}" has {frames} frames. Only images of one frame are supported: save each frame as a separate file.')
    bits = getattr(image, "tag_v2", {}).get(258, (8,))
    if image.format == "TIFF" and len(bits) > 1 and max(bits) > 8:
        raise DataError(
            f'Image "{name}" is a TIFF of {len(bits)} channels with {max(bits)} bits, which is not supported. Save it as PNG or NPY.'
        )


def convert_pil_image(image: Image.Image, name: str) -> Pixels:
    """Return the pixels [H W C] of a PIL image, uint8 or uint16; see :func:`decode`."""
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif "transparency" in image.info and image.mode in {"L", "RGB"}:
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode in _MODES:
        array = np.asarray(image.convert(_MODES[image.mode]))
        return array[..., None] if array.ndim == 2 else array
    if image.mode in _DEEP:
        array = np.asarray(image)
        if array.size and (int(array.min()) < 0 or int(array.max()) > 65535):
            raise DataError(f'Image "{name}" has 32 bits. Save it with 8 or 16 bits, or as an NPY of float32 in [-1, 1].')
        return array.astype(np.uint16)[..., None]
    if image.mode == "F":
        raise DataError(f'Image "{name}" has 32-bit floats. Save it with 8 or 16 bits, or as an NPY of float32 in [-1, 1].')
    raise DataError(f'Image "{name}" has mode {image.mode}, which is not supported. Convert it to RGB.')


def _scale_array(array: Pixels, name: str) -> Pixels:
    if array.dtype in {np.dtype("uint8"), np.dtype("uint16")}:
        return array
    if array.dtype.kind != "f":
        raise DataError(f'Array "{name}" has type {array.dtype}. Save uint8, uint16, or floats in [-1, 1].')
    if not np.isfinite(array).all() or float(np.abs(array).max()) > 1.0:
        raise DataError(f'Array "{name}" has floats outside [-1, 1]. Scale them, or save uint8 or uint16.')
    return np.ascontiguousarray(array, dtype=np.float32)
