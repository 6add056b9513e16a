"""Encoding of pixels as image files. A format that would lose bits or channels is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from i2ikit.errors import DataError, format_count
from i2ikit.pixels import png16
from i2ikit.pixels.value_range import ValueType

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".npy": "NPY"}
_CHANNELS = {"PNG": (1, 2, 3, 4), "JPEG": (1, 3), "WEBP": (3, 4), "BMP": (1, 3), "TIFF": (1, 2, 3, 4)}
_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True, "exact": True}}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
# Types of values with more than 8 bits that a TIFF of one channel holds, and the type that it stores.
_DEEP_TIFF = {"uint16": "uint16", "int16": "int32", "int32": "int32", "float16": "float32", "float32": "float32", "float64": "float32"}


def encode(values: NDArray[Any], path: Path) -> bytes:
    """Return the bytes of an image file.

    Args:
        values: [H W C], of the type that the file holds.
        path: The path of the file; its suffix decides the format.

    Raises:
        DataError: The format is unknown, or does not support the channels or the type.
    """
    format_name, buffer = _FORMATS.get(path.suffix.lower()), io.BytesIO()
    if format_name is None:
        raise DataError(f'"{path.name}" has the unknown suffix "{path.suffix}". Available: {", ".join(sorted(_FORMATS))}.')
    problem = _find_problem(format_name, values.shape[2], values.dtype)
    if problem:
        raise DataError(f'{problem[0]} ("{path.name}"). {problem[1]}')
    if format_name == "NPY":
        np.save(buffer, values, allow_pickle=False)
        return buffer.getvalue()
    if values.dtype == np.uint8:
        mode, flat = _MODES[values.shape[2]], np.ascontiguousarray(values)
        pil_image = Image.frombytes(mode, (flat.shape[1], flat.shape[0]), flat.tobytes())
    elif format_name == "PNG":
        return png16.write(values)
    else:
        pil_image = Image.fromarray(values[..., 0].astype(_DEEP_TIFF[values.dtype.name]))
    pil_image.save(buffer, format=format_name, **_OPTIONS.get(format_name, {}))
    return buffer.getvalue()


def can_encode(suffix: str, channels: int, dtype: np.dtype[Any]) -> bool:
    """Return whether a file with this suffix can hold an image without a loss."""
    format_name = _FORMATS.get(suffix.lower())
    return format_name is not None and _find_problem(format_name, channels, dtype) is None


def choose_suffix(suffix: str, channels: int, dtype: np.dtype[Any]) -> str:
    """Return the suffix if its format can hold an image without a loss, else ``".png"`` or, if needed, ``".npy"``."""
    return next((each for each in (suffix, ".png") if can_encode(each, channels, dtype)), ".npy")


def fit_value_type(value_type: ValueType, suffix: str, channels: int) -> ValueType:
    """Return the type of the values in a file: that of a PNG is 16 bits if it cannot hold the type, such as that of floats."""
    deep = np.dtype("uint16")
    if suffix.lower() != ".png" or can_encode(suffix, channels, value_type.dtype) or not can_encode(suffix, channels, deep):
        return value_type
    return ValueType(deep, (0, np.iinfo(deep).max))


def _find_problem(format_name: str, channels: int, dtype: np.dtype[Any]) -> tuple[str, str] | None:
    """Return why a format cannot hold an image, and what to do; None if it can."""
    if format_name == "NPY":
        return None
    if channels not in _CHANNELS[format_name]:
        return f"{format_name} does not support {format_count(channels, 'channel')}", f"Use {'PNG' if channels <= 4 else 'NPY'}."
    is_deep = format_name == "PNG" and dtype == np.uint16
    if dtype == np.uint8 or is_deep or (format_name == "TIFF" and channels == 1 and dtype.name in _DEEP_TIFF):
        return None
    what = f"{dtype.itemsize * 8} bits" if dtype.kind == "u" else dtype.name
    remedy = "PNG or NPY" if dtype == np.uint16 else "TIFF or NPY" if channels == 1 and dtype.name in _DEEP_TIFF else "NPY"
    return f"{format_name} does not support {what} with {format_count(channels, 'channel')}", f"Use {remedy}."
