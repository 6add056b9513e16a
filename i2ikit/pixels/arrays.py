"""Images in NPY files. What the header declares is checked before the values are read."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from i2ikit.errors import DataError
from i2ikit.pixels.pictures import MAX_PIXELS, check_pixels, explain_damage


def decode_array(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Return the values [H W C] of an NPY file, without conversion, in the byte order of this machine.

    Raises:
        DataError: The file is damaged, holds no image, or declares more pixels than ``max_pixels``.
    """
    shape, columns_first, dtype, start = _read_header(data, name, max_pixels)
    count = math.prod(shape)
    if count * dtype.itemsize > len(data) - start:
        raise DataError(
            f'Array "{name}" is damaged: it declares {count * dtype.itemsize:,} bytes of values and holds {len(data) - start:,}. '
            "Replace or remove it."
        )
    with explain_damage(name, "Array"):
        array = np.frombuffer(data, dtype, count, start).reshape(shape, order="F" if columns_first else "C")
        return np.ascontiguousarray(move_channels_last(array).astype(dtype.newbyteorder("="), copy=False))


def move_channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """Return an image [H, W], [H, W, C] or [C, H, W] as a view [H W C]. Channels in front are at most 4."""
    array = array[..., None] if array.ndim == 2 else array
    return array if array.shape == _order_axes(array.shape) else array.transpose(1, 2, 0)


def read_shape(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[int, int, int]:
    """Return height, width and channels of an NPY file from its header, or raise DataError."""
    return _order_axes(_read_header(data, name, max_pixels)[0])


def _read_header(data: bytes, name: str, max_pixels: int) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether columns come first, data type, and where the values start."""
    stream = io.BytesIO(data)
    with explain_damage(name, "Array"):
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise DataError(f'Array "{name}" is an NPY of version {version[0]}.{version[1]}. Save it with numpy.save as plain numbers.')
        shape, columns_first, dtype = readers[version](stream)
        shape = tuple(int(side) for side in shape)
    if dtype.hasobject:
        raise DataError(f'Array "{name}" holds Python objects, which are not loaded. Save it as uint8, uint16 or floats.')
    if len(shape) not in {2, 3}:
        raise DataError(f'Array "{name}" has shape {list(shape)}. An image must be [H, W], [H, W, C] or [C, H, W].')
    if min(shape) < 1:
        raise DataError(f'Array "{name}" has shape {list(shape)}, which holds no pixels. Replace or remove it.')
    check_pixels(*_order_axes(shape)[:2], name, max_pixels)
    return shape, columns_first, dtype, stream.tell()


def _order_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels of a shape [H, W], [H, W, C] or [C, H, W]."""
    if len(shape) == 2:
        return shape[0], shape[1], 1
    first, second, third = shape
    return (second, third, first) if first <= 4 < third else (first, second, third)
