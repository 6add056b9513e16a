"""Image files from pixels; a format that would lose bits or channels is refused."""

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
    """Return the bytes of a file.

    Args:
        image: [H W C] in [-1, 1].
        path: Its ending says the format.
        bits: 8, 16, or 32 (NPY only).

    Raises:
        DataError: The format is unknown or cannot hold this image.
    """
    kind = _FORMATS.get(path.suffix.lower())
    channels = image.shape[2]
    if kind is None:
        raise DataError(f'"{path.name}" ends in "{path.suffix}", which is no format to write. Use {", ".join(sorted(_FORMATS))}.')
    if bits not in {8, 16, 32}:
        raise DataError(f'"{path.name}" was asked for with {bits} bits. Use 8 or 16, or 32 for NPY.')
    if kind == "NPY":
        return _npy(image if bits == 32 else _integers(image, bits))
    if channels not in _CHANNELS[kind]:
        raise DataError(f'{kind} cannot hold {format_count(channels, "channel")} ("{path.name}"). Use {"PNG" if channels <= 4 else "NPY"}.')
    deep_tiff = kind == "TIFF" and channels == 1
    if bits == 32 or (bits == 16 and kind != "PNG" and not deep_tiff):
        raise DataError(
            f'{kind} cannot hold {bits} bits of {format_count(channels, "channel")} ("{path.name}"). '
            f"Use {'NPY' if bits == 32 else 'PNG or NPY'}."
        )
    pixels = _integers(image, bits)
    if bits == 16 and kind == "PNG":
        return png16.write(pixels)
    flat = pixels[..., 0] if channels == 1 else pixels
    picture = Image.fromarray(flat) if bits == 16 else Image.frombytes(_MODES[channels], (flat.shape[1], flat.shape[0]), flat.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **_OPTIONS.get(kind, {}))
    return buffer.getvalue()


def _integers(image: NDArray[np.float32], bits: int) -> NDArray[Any]:
    top = 2**bits - 1
    # in float64: float32 has too few digits to add a half at 16 bits
    whole: NDArray[Any] = np.floor((image.astype(np.float64) + 1) * (top / 2) + 0.5).astype(np.uint8 if bits == 8 else np.uint16)
    return whole


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
