"""Reading and writing of images with 1 to 4 channels of 8 or 16 bits. Nothing is converted unless requested."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError
from torch import Tensor

from i2ikit.errors import DataError, format_count
from i2ikit.pixels import png16
from i2ikit.pixels.encode import encode
from i2ikit.pixels.files import write_atomically

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".npy")

Pixels = NDArray[Any]
"""An image [H W C] of uint8, uint16 or float32 in [-1, 1]."""

_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB"}
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_NAMES = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}


def is_image(file: str) -> bool:
    """Return whether a file name has the suffix of an image."""
    return file.lower().endswith(IMAGE_SUFFIXES)


def mode_name(channels: int) -> str:
    """Return the usual name of images with this number of channels, such as "RGB"."""
    return _NAMES.get(channels, format_count(channels, "channel"))


def decode(data: bytes, name: str) -> Pixels:
    """Return the pixels [H W C] of an image file: uint8, uint16, or float32 in [-1, 1].

    Palette colours become RGB or RGBA, a bitmap becomes grey, and an image is rotated as its EXIF tag requires.

    Args:
        data: The bytes of the file.
        name: Name of the file for error messages.

    Raises:
        DataError: The file is damaged, or decoding it would lose information (CMYK, 32 bits).
    """
    if not data:
        raise DataError(f'Image "{name}" is empty (0 bytes). Replace or remove it.')
    if data[:6] == b"\x93NUMPY":
        return _decode_npy(data, name)
    if png16.is_deep_colour(data):
        return png16.read(data, name)
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_lossless(image, name)
            image.load()
            pixels = convert_pil_image(ImageOps.exif_transpose(image), name)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f'Image "{name}" has an unknown format. Replace or remove it.') from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as cause:
        raise DataError(f'Image "{name}" is damaged: {_format_cause(cause)}. Replace or remove it.') from None
    return pixels


def _check_lossless(image: Image.Image, name: str) -> None:
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


def _decode_npy(data: bytes, name: str) -> Pixels:
    try:
        array: Pixels = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as cause:
        raise DataError(f'Array "{name}" is damaged: {_format_cause(cause)}. Replace or remove it.') from None
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise DataError(f'Array "{name}" has shape {list(array.shape)}. An image must be [H, W], [H, W, C] or [C, H, W].')
    if array.shape[0] <= 4 < array.shape[2]:
        array = array.transpose(1, 2, 0)
    if array.dtype in {np.dtype("uint8"), np.dtype("uint16")}:
        return np.ascontiguousarray(array)
    if array.dtype.kind != "f":
        raise DataError(f'Array "{name}" has type {array.dtype}. Save uint8, uint16, or floats in [-1, 1].')
    if not np.isfinite(array).all() or (array.size and float(np.abs(array).max()) > 1.0):
        raise DataError(f'Array "{name}" has floats outside [-1, 1]. Scale them, or save uint8 or uint16.')
    return np.ascontiguousarray(array, dtype=np.float32)


def composite(pixels: Pixels, background: str) -> Pixels:
    """Return pixels [H W 1] or [H W 3] without alpha, blended over a background colour in sRGB values.

    Args:
        pixels: [H W C]; pixels without alpha are returned unchanged.
        background: A colour name or ``#rrggbb``.

    Raises:
        DataError: The colour is unknown, or is not grey although the pixels are.
    """
    channels = pixels.shape[2]
    if channels not in {2, 4}:
        return pixels
    colour = _parse_colour(background)
    if channels == 2 and len(set(colour)) > 1:
        raise DataError(f'Background "{background}" is not a grey, but the images are grey with alpha. Use white, black or a grey.')
    maximum = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    behind = np.array(colour[: channels - 1], dtype=np.float64) / 255.0
    if pixels.dtype.kind == "f":
        alpha = (pixels[..., -1:].astype(np.float64) + 1) / 2
        return (pixels[..., :-1] * alpha + (behind * 2 - 1) * (1 - alpha)).astype(np.float32)
    alpha = pixels[..., -1:].astype(np.float64) / maximum
    blended: Pixels = np.floor(pixels[..., :-1] * alpha + behind * maximum * (1 - alpha) + 0.5).astype(pixels.dtype)
    return blended


def convert_channels(pixels: Pixels, channels: int, name: str) -> Pixels:
    """Return pixels [H W channels]: grey is repeated as RGB, RGB becomes luma (Rec. 601), and missing alpha is opaque.

    Raises:
        DataError: Alpha would be removed without a background.
    """
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if have not in _NAMES or channels not in _NAMES:
        raise DataError(f'Image "{name}" has {have} channels, which cannot be converted to {channels}.')
    if have in {2, 4} and channels in {1, 3}:
        raise DataError(
            f'Image "{name}" is {mode_name(have)}, and its alpha cannot be removed without a background. To read '
            f'{format_count(channels, "channel")}, choose one, such as background="white".'
        )
    alpha = (
        pixels[..., -1:] if have in {2, 4} else np.full_like(pixels[..., :1], 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)
    )
    colour = pixels[..., : 1 if have <= 2 else 3]
    num_colours = 1 if channels <= 2 else 3
    if colour.shape[2] < num_colours:
        colour = np.repeat(colour, 3, axis=2)
    elif colour.shape[2] > num_colours:
        luma = colour.astype(np.float64) @ np.array([[0.299], [0.587], [0.114]])
        colour = (luma if pixels.dtype.kind == "f" else np.floor(luma + 0.5)).astype(pixels.dtype)
    return np.concatenate([colour, alpha], axis=2) if channels in {2, 4} else colour


def to_float(pixels: Tensor) -> Tensor:
    """Return uint8, uint16 or float32 pixels as float32 in [-1, 1], in the same shape."""
    if pixels.dtype == torch.uint8:
        return pixels.float().div_(127.5).sub_(1.0)
    if pixels.dtype == torch.uint16:
        return pixels.float().div_(32767.5).sub_(1.0)
    return pixels.float()


def get_bits(pixels: Pixels | Tensor) -> int:
    """Return the bits of a channel: 8, 16, or 32 for floats."""
    return pixels.dtype.itemsize * 8


def read_pixels(path: Path) -> Pixels:
    """Return the pixels [H W C] of an image file without conversion; see :func:`decode`."""
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise DataError(f'Image "{path}" cannot be read: {cause.strerror}.') from None
    return decode(data, str(path))


def read_image(path: str | Path, *, background: str | None = None, channels: int | None = None) -> Tensor:
    """Read an image file as a tensor [C H W], float32 in [-1, 1].

    Args:
        path: Path of the file.
        background: A colour behind transparent pixels; None keeps alpha as a channel.
        channels: Number of channels to convert to; see :func:`convert_channels`. None converts nothing.

    Raises:
        DataError: The file is missing or damaged, or cannot be converted.
    """
    path = Path(path)
    pixels = read_pixels(path)
    if background is not None:
        pixels = composite(pixels, background)
    if channels is not None:
        pixels = convert_channels(pixels, channels, str(path))
    return to_float(to_tensor(pixels))


def write_image(image: Tensor, path: str | Path, bits: int = 8) -> Path:
    """Write an image file and return its path. After an error, no partial file remains.

    Args:
        image: [C H W] or [1 C H W] in [-1, 1]; other values are clipped.
        path: PNG (1 to 4 channels, 8 or 16 bits), TIFF (8 bits, or 16 bits of grey), JPEG, WebP, BMP (8 bits) or NPY (also 32 bits).
        bits: Bits of a channel: 8, 16, or 32 for an NPY of float32.

    Raises:
        DataError: The format does not support the image, a value is not finite, or the folder cannot be written.
    """
    path = Path(path)
    tensor = image.detach().to("cpu", torch.float32)
    if tensor.ndim == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3:
        raise DataError(
            f'Expected an image [C, H, W] for "{path}", found shape {list(image.shape)}. Write the images of a batch one by one.'
        )
    if not bool(torch.isfinite(tensor).all()):
        raise DataError(f'The image for "{path}" has values that are not finite. It was not written.')
    array = tensor.clamp(-1, 1).permute(1, 2, 0).contiguous().numpy()
    write_atomically(path, encode(array, path, bits))
    return path


def to_tensor(pixels: Pixels) -> Tensor:
    """Return pixels [H W C] as a tensor [C H W] of the same type."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)).copy())


def _parse_colour(background: str) -> tuple[int, ...]:
    try:
        return ImageColor.getcolor(background, "RGB")[:3]  # type: ignore[index]
    except ValueError:
        raise DataError(f'"{background}" is not a colour. Use a name such as "white", or "#rrggbb".') from None


def _format_cause(cause: Exception) -> str:
    return (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
