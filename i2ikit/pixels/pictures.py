"""The only place that opens image files with Pillow: only documented formats, and only declared sizes within a limit."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from i2ikit.errors import DataError, OptionError
from i2ikit.pixels.formats import READABLE, describe_unknown, find_format, read_webp_size

MAX_PIXELS = 200_000_000
"""The largest number of pixels of an image file that is decoded, unless ``max_pixels=`` raises it: that of the largest cameras."""

_INSTALL = 'Install what reads it: pip install "i2ikit[images]".'


@contextmanager
def open_picture(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open the bytes of an image file as a PIL image, without decoding its pixels.

    The first bytes decide the format. Pillow itself would hand files to other programs: PostScript runs in Ghostscript, even from a file
    whose name ends with ``.jpg``.

    Args:
        data: The bytes of the file, of any documented format but NPY.
        name: Name of the file for error messages.
        max_pixels: The largest number of pixels.

    Raises:
        DataError: The file is damaged, has another format, or declares more pixels. The same for errors of decoding inside the context.
    """
    with explain_damage(name):
        check_pixels(*(read_webp_size(data) or (0, 0)), name, max_pixels)  # Pillow's reader needs memory for it when it opens a file
        with _open(data, name) as image:
            check_pixels(image.height, image.width, name, max_pixels)
            largest = max(image.width * image.height, _count_tile_pixels(image))
            if largest > max_pixels or largest > _get_most_pixels(image, len(data)):
                raise DataError(
                    f'Image "{name}" is damaged: it declares {largest:,} pixels, more than its {len(data):,} bytes can hold. '
                    "Replace or remove it."
                )
            with nullcontext() if _is_within_own_limit(largest) else _lift_own_limit():
                yield image


def read_picture_size(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return height and width of an image file, but NPY, from its header, after its EXIF rotation.

    Raises:
        DataError: The file has another format, declares more pixels, or its header is damaged.
    """
    with open_picture(data, name, max_pixels) as image:
        width, height = image.size
        if image.format == "TIFF":  # Pillow swaps the size of a TIFF itself, in some versions only when it decodes the pixels
            tags: Any = getattr(image, "tag_v2", {})
            width, height = int(tags[256]), int(tags[257])
        # To look for EXIF behind the pixels of a PNG, Pillow would decode them.
        may_be_rotated = image.format != "PNG" or b"eXIf" in data or b"Raw profile type" in data
        is_rotated = may_be_rotated and image.getexif().get(0x0112, 1) >= 5  # the EXIF tag swaps height and width
        return (width, height) if is_rotated else (height, width)


def read_deep_heic(data: bytes, name: str, bits: int) -> NDArray[np.uint16]:
    """Return the pixels [H W C] of a HEIC image with 10 or 12 bits, stretched to 16 bits; :func:`open_picture` would return 8 bits of them.

    Raises:
        DataError: The file is damaged.
    """
    import pillow_heif

    with explain_damage(name):
        values = np.asarray(pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False))
        values = values[..., None] if values.ndim == 2 else values
        stretched: NDArray[np.uint16] = np.floor(values * (65535 / (2**bits - 1)) + 0.5).astype(np.uint16)
        return stretched


def check_limit(max_pixels: int | None) -> int:
    """Return a limit of pixels that a user gave, or the default one.

    Raises:
        OptionError: It is not a whole number of at least 1.
    """
    if max_pixels is None:
        return MAX_PIXELS
    if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
        raise OptionError(f"max_pixels={max_pixels!r} is not a number of pixels. Give a whole number, such as max_pixels={2 * MAX_PIXELS}.")
    return max_pixels


def check_pixels(height: int, width: int, name: str, max_pixels: int) -> None:
    """Raise DataError if the declared size of an image is above the limit."""
    if height * width > max_pixels:
        raise DataError(
            f'Image "{name}" declares {height:,} x {width:,} pixels (height x width), above the limit of {max_pixels:,}. '
            f"If it really is that large, raise the limit: max_pixels={height * width}."
        )


@contextmanager
def explain_damage(name: str, noun: str = "Image") -> Iterator[None]:
    """Turn any exception of a decoder into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(f'{noun} "{name}" does not fit into memory. Use a smaller one, or a machine with more memory.') from None
    except Exception as cause:  # noqa: BLE001 - decoders raise errors of any class for damaged bytes
        raise DataError(f'{noun} "{name}" is damaged: {_format_cause(cause)}. Replace or remove it.') from None


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    format_name = find_format(data)
    if format_name is None or format_name == "NPY":
        found = describe_unknown(data)
        raise DataError(
            f'Image "{name}" has an unknown format{f": found {found}" if found else ""}. Available: {", ".join(READABLE)}. '
            "Replace or remove it."
        )
    factory = _find_reader(format_name, name)
    try:
        return factory(io.BytesIO(data))
    except Image.DecompressionBombError:  # Pillow's own limit; ours is checked by the caller
        with _lift_own_limit():
            return factory(io.BytesIO(data))


def _find_reader(format_name: str, name: str) -> Callable[..., ImageFile.ImageFile]:
    if format_name == "HEIC":
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise DataError(f'Image "{name}" is a HEIC image. {_INSTALL}') from None
        return HeifImageFile
    if format_name == "AVIF":
        try:
            from PIL import AvifImagePlugin
        except ImportError:
            raise DataError(f'Image "{name}" is an AVIF image, which requires Pillow 11.3. {_INSTALL}') from None
        if not AvifImagePlugin.SUPPORTED:
            raise DataError(f'Image "{name}" is an AVIF image, which this build of Pillow does not read. {_INSTALL}')
        return AvifImagePlugin.AvifImageFile
    readers: dict[str, Callable[..., ImageFile.ImageFile]] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.jpeg_factory,
        "WebP": WebPImagePlugin.WebPImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "GIF": GifImagePlugin.GifImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "PPM": PpmImagePlugin.PpmImageFile,
    }
    return readers[format_name]


def _count_tile_pixels(image: Image.Image) -> int:
    tags: Any = getattr(image, "tag_v2", {})
    return int(tags.get(322, 0)) * int(tags.get(323, 0))  # TileWidth and TileLength of a TIFF


def _get_most_pixels(image: Image.Image, num_bytes: int) -> float:
    """Return the largest number of pixels that a file of this length can hold, by the smallest number of bits that its coding needs."""
    tiles: Any = getattr(image, "tile", None)
    codec = tiles[0][0] if tiles else ""
    # Raw files hold 8 pixels a byte, zlib packs 1032 bytes into one, and LZW of GIF 4096 pixels into a code of 12 bits.
    return {"raw": 8, "zip": 8 * 1032, "gif": 4096 * 8 / 12}.get(codec, math.inf) * num_bytes


_lifting = threading.Lock()
_lifted: dict[str, Any] = {"count": 0, "limit": None}


def _is_within_own_limit(pixels: int) -> bool:
    with _lifting:
        limit = _lifted["limit"] if _lifted["count"] else Image.MAX_IMAGE_PIXELS
    return limit is None or pixels <= limit


@contextmanager
def _lift_own_limit() -> Iterator[None]:
    """Set Pillow's own limit aside, which is one for the whole process, while images above it are decoded."""
    with _lifting:
        if not _lifted["count"]:
            _lifted["limit"], Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _lifted["count"] += 1
    try:
        yield
    finally:
        with _lifting:
            _lifted["count"] -= 1
            if not _lifted["count"]:
                Image.MAX_IMAGE_PIXELS = _lifted["limit"]


def _format_cause(cause: Exception) -> str:
    return (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
