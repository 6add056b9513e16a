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

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".npy": "NPY"}
_CHANNELS = {"PNG": (1, 2, 3, 4), "JPEG": (1, 3), "WEBP": (3, 4), "BMP": (1, 3), "TIFF": (1, 2, 3, 4)}
_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True, "exact": True}}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def encode(image: NDArray[np.float32], path: Path, bits: int) -> bytes:
    """Return the bytes of an image file.

    Args:
        image: [H W C] in [-1, 1].
        path: The path of the file; its suffix decides the format.
        bits: Bits of a channel: 8, 16, or 32 (only for NPY).

    Raises:
        DataError: The format is unknown, or does not support the channels or bits.
    """
    format_name = _FORMATS.get(path.suffix.lower())
    channels = image.shape[2]
    if format_name is None:
        raise DataError(f'"{path.name}" has the unknown suffix "{path.suffix}". Available: {", ".join(sorted(_FORMATS))}.')
    if bits not in {8, 16, 32}:
        raise DataError(f'bits must be 8 or 16, or 32 for NPY; found {bits} for "{path.name}".')
    if format_name == "NPY":
        return _encode_npy(image if bits == 32 else _to_integers(image, bits))
    if channels not in _CHANNELS[format_name]:
        raise DataError(
            f'{format_name} does not support {format_count(channels, "channel")} ("{path.name}"). Use {"PNG" if channels <= 4 else "NPY"}.'
        )
    is_gray_tiff = format_name == "TIFF" and channels == 1
    if bits == 32 or (bits == 16 and format_name != "PNG" and not is_gray_tiff):
        raise DataError(
            f'{format_name} does not support {bits} bits with {format_count(channels, "channel")} ("{path.name}"). '
            f"Use {'NPY' if bits == 32 else 'PNG or NPY'}."
        )
    pixels = _to_integers(image, bits)
    if bits == 16 and format_name == "PNG":
        return png16.write(pixels)
    flat = pixels[..., 0] if channels == 1 else pixels
    pil_image = Image.fromarray(flat) if bits == 16 else Image.frombytes(_MODES[channels], (flat.shape[1], flat.shape[0]), flat.tobytes())
    buffer = io.BytesIO()
    pil_image.save(buffer, format=format_name, **_OPTIONS.get(format_name, {}))
    return buffer.getvalue()


def _to_integers(image: NDArray[np.float32], bits: int) -> NDArray[Any]:
    maximum = 2**bits - 1
    # float32 is not precise enough to add 0.5 to a value of 16 bits
    integers: NDArray[Any] = np.floor((image.astype(np.float64) + 1) * (maximum / 2) + 0.5).astype(np.uint8 if bits == 8 else np.uint16)
    return integers


def _encode_npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
