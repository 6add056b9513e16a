"""Reading and writing of images with 1 to 4 channels of 8 or 16 bits. Nothing is converted unless requested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

from i2ikit.errors import DataError, format_count
from i2ikit.pixels.decoding import Pixels, decode_values
from i2ikit.pixels.encode import encode
from i2ikit.pixels.files import read_bytes, write_atomically
from i2ikit.pixels.pictures import MAX_PIXELS
from i2ikit.pixels.value_range import FLOATS, Range, ValueType, find_value_type, parse_range

_TYPES = {8: "uint8", 16: "uint16", 32: "float32"}
_NAMES = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}


def mode_name(channels: int) -> str:
    """Return the usual name of images with this number of channels, such as "RGB"."""
    return _NAMES.get(channels, format_count(channels, "channel"))


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


def read_values(path: Path, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Return the values [H W C] of an image file as they are, of any type; see :func:`decode`."""
    return decode_values(read_bytes(path, "Image"), str(path), max_pixels)


def read_pixels(path: Path, max_pixels: int = MAX_PIXELS, declared: Range | None = None) -> Pixels:
    """Return the pixels [H W C] of an image file: uint8, uint16, or float32 in [-1, 1]; see :func:`decode`."""
    values = read_values(path, max_pixels)
    return find_value_type(values, str(path), declared).scale(values, str(path))


def read_image(
    path: str | Path,
    *,
    background: str | None = None,
    channels: int | None = None,
    range: str | Sequence[float] | None = None,  # noqa: A002 - the name of the option everywhere
    max_pixels: int = MAX_PIXELS,
) -> Tensor:
    """Read an image file as a tensor [C H W], float32 in [-1, 1].

    Args:
        path: Path of the file.
        background: A colour behind transparent pixels; None keeps alpha as a channel.
        channels: Number of channels to convert to; see :func:`convert_channels`. None converts nothing.
        range: The value of black and that of white, such as ``(0, 4095)`` or ``"0,4095"``. By default integers use their full depth, and
            floats are in [0, 1].
        max_pixels: The largest number of pixels that the file may declare.

    Raises:
        DataError: The file is missing or damaged, a value is outside its range, or the image cannot be converted.
    """
    path = Path(path)
    pixels = read_pixels(path, max_pixels, parse_range(range))
    if background is not None:
        pixels = composite(pixels, background)
    if channels is not None:
        pixels = convert_channels(pixels, channels, str(path))
    return to_float(to_tensor(pixels))


def write_image(
    image: Tensor,
    path: str | Path,
    bits: int = 8,
    *,
    range: str | Sequence[float] | None = None,  # noqa: A002 - the name of the option everywhere
) -> Path:
    """Write an image file and return its path. After an error, no partial file remains.

    Args:
        image: [C H W] or [1 C H W] in [-1, 1]; other values are clipped.
        path: PNG (1 to 4 channels, 8 or 16 bits), TIFF (8 bits, or 16 or 32 bits of grey), JPEG, WebP, BMP (8 bits) or NPY.
        bits: Bits of a channel: 8, 16, or 32 for float32.
        range: The value of black and that of white; by default integers use their full depth, and floats are in [0, 1].

    Raises:
        DataError: The format does not support the image, a value is not finite, or the folder cannot be written.
    """
    path = Path(path)
    if bits not in _TYPES:
        raise DataError(f'bits must be 8 or 16, or 32 for floats; found {bits} for "{path.name}".')
    dtype = np.dtype(_TYPES[bits])
    declared = parse_range(range) or ((0, np.iinfo(dtype).max) if dtype.kind == "u" else FLOATS)
    return write_values(image, path, ValueType(dtype, declared))


def write_values(image: Tensor, path: Path, value_type: ValueType) -> Path:
    """Write an image [C H W] or [1 C H W] in [-1, 1] as values of a type; see :func:`write_image`."""
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
    write_atomically(path, encode(value_type.restore(array), path))
    return path


def to_tensor(pixels: Pixels) -> Tensor:
    """Return pixels [H W C] as a tensor [C H W] of the same type."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)).copy())


def _parse_colour(background: str) -> tuple[int, ...]:
    try:
        return ImageColor.getcolor(background, "RGB")[:3]  # type: ignore[index]
    except ValueError:
        raise DataError(f'"{background}" is not a colour. Use a name such as "white", or "#rrggbb".') from None
