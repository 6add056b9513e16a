"""Decoding of image files as pixels. Nothing is converted unless it loses nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from i2ikit.errors import DataError
from i2ikit.pixels import png16
from i2ikit.pixels.arrays import decode_array, read_shape
from i2ikit.pixels.formats import find_format, is_deep_avif
from i2ikit.pixels.pictures import MAX_PIXELS, explain_damage, open_picture, read_deep_heic, read_picture_size
from i2ikit.pixels.value_range import Range, find_value_type

Pixels = NDArray[Any]
"""An image [H W C]: uint8 or uint16, or float32 in [-1, 1]."""

_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB"}
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS, declared: Range | None = None) -> Pixels:
    """Return the pixels [H W C] of an image file: uint8 or uint16, or float32 in [-1, 1].

    Palette colours become RGB or RGBA, a bitmap becomes grey, and an image is rotated as its EXIF tag requires.

    Args:
        data: The bytes of the file.
        name: Name of the file for error messages.
        max_pixels: The largest number of pixels. It is compared with the size that the file declares, before anything is decoded.
        declared: The range of the values, which then become float32. By default integers of 8 and 16 bits use their full depth, and floats
            are in [0, 1].

    Raises:
        DataError: The file is damaged or too large, a value is outside its range, or decoding it would lose information (CMYK).
    """
    values = decode_values(data, name, max_pixels)
    return find_value_type(values, name, declared).scale(values, name)


def decode_values(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the values [H W C] of an image file as they are, of any type; see :func:`decode`."""
    if not data:
        raise DataError(f'Image "{name}" is empty (0 bytes). Replace or remove it.')
    if find_format(data) == "NPY":
        return decode_array(data, name, max_pixels)
    if png16.is_deep_colour(data):
        with explain_damage(name):
            return png16.read(data, name, max_pixels)
    if find_format(data) == "AVIF" and is_deep_avif(data):
        raise DataError(f'Image "{name}" is an AVIF of 10 or 12 bits, of which only 8 could be read. Save it as PNG with 16 bits.')
    with open_picture(data, name, max_pixels) as image:
        check_lossless(image, name)
        bits = image.info.get("bit_depth", 8) if image.format == "HEIF" else 8
        if bits > 8:
            return read_deep_heic(data, name, bits)
        signed = _find_signed_type(image)
        image.load()
        is_rotated = image.getexif().get(0x0112, 1) != 1  # else Pillow would copy a large image for nothing
        values = get_pil_values(ImageOps.exif_transpose(image) if is_rotated else image, name)
        return values if signed is None else values.astype(signed)


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


def get_pil_values(image: Image.Image, name: str) -> Pixels:
    """Return the values [H W C] of a PIL image: uint8, uint16, int32 or float32."""
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif "transparency" in image.info and image.mode in {"L", "RGB"}:
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode in _MODES:
        mode = _MODES[image.mode]
        array = np.asarray(image if image.mode == mode else image.convert(mode))
        return array[..., None] if array.ndim == 2 else array
    if image.mode in _DEEP:
        array = np.asarray(image)[..., None]
        is_deep = image.mode == "I" and array.size and (int(array.min()) < 0 or int(array.max()) > 65535)
        return array.astype(np.int32 if is_deep else np.uint16)  # Pillow opens some images of 16 bits as 32 bits
    if image.mode == "F":
        return np.asarray(image)[..., None]
    raise DataError(f'Image "{name}" has mode {image.mode}, which is not supported. Convert it to RGB.')


def _find_signed_type(image: Image.Image) -> np.dtype[Any] | None:
    """Return the type of a TIFF of signed integers, which Pillow opens as 32 bits; None for other images."""
    tags: Any = getattr(image, "tag_v2", {})
    is_signed = image.mode == "I" and 2 in tags.get(339, ())  # SampleFormat
    return np.dtype(np.int16 if max(tags.get(258, (32,))) <= 16 else np.int32) if is_signed else None  # BitsPerSample
