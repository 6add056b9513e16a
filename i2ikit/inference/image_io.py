"""Read tensors, PIL images, arrays and paths as images of one form, and turn results back into the input's type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from i2ikit.errors import DataError, format_count

LARGEST_VALUE = 10.0
"""A float image in [-1, 1] or [0, 1] stays below this even with noise added; an image in [0, 255] does not."""


class InputImage(NamedTuple):
    """An image as the networks take it, and how to convert a result to the type of the input.

    Attributes:
        pixels: [B, C, H, W] in [-1, 1].
        restore: Converts [B, C, H, W] in [-1, 1] to the type of the input; writes it to a path if the input was a path.
        on_cpu: Whether ``restore`` needs the image on the CPU.
    """

    pixels: Tensor
    restore: Callable[[Tensor, Path | None], Any]
    on_cpu: bool


def open_image(image: Any, channels: int, background: str | None, *, convert: bool = False) -> InputImage:
    """Read an image of any type.

    Args:
        image: A tensor, a PIL image, an ndarray or a path.
        channels: The number of channels that the model takes.
        background: The colour put behind transparent pixels of PIL images and files, or None.
        convert: Whether PIL images and files with another number of channels are converted, as a training with ``channels=`` does.

    Raises:
        DataError: The type is not supported, or the number of channels differs from the model's.
    """
    if isinstance(image, Tensor):
        return _check_channels(_tensor(image), channels)
    if isinstance(image, (str, Path)):
        return _check_channels(_file(Path(image), background, channels if convert else None), channels)
    module = type(image).__module__
    if module.startswith("PIL."):
        return _check_channels(_picture(image, background, channels if convert else None), channels)
    if module == "numpy" and hasattr(image, "shape"):
        return _check_channels(_array(image), channels)
    raise DataError(f"An image must be a tensor, a PIL image, an ndarray or a path; found {type(image).__name__}.")


def _tensor(image: Tensor) -> InputImage:
    if image.ndim not in (3, 4):
        raise DataError(f"A tensor of images must have shape [B, C, H, W] or [C, H, W]; found {list(image.shape)}.")
    single, dtype, device = image.ndim == 3, image.dtype, image.device
    if dtype is not torch.uint8 and not dtype.is_floating_point:
        raise DataError(f"A tensor of images must be float in [-1, 1], or uint8; found {dtype}.")
    if dtype.is_floating_point and image.numel() and float(image.detach().abs().max()) > LARGEST_VALUE:
        raise DataError(
            f"A tensor of images must be float in [-1, 1], or uint8; found {dtype} up to {float(image.detach().abs().max()):.4g}."
        )
    pixels = image.float() / 127.5 - 1 if dtype is torch.uint8 else image.float()

    def restore(fake: Tensor, path: Path | None) -> Tensor:
        fake = ((fake + 1) * 127.5).round() if dtype is torch.uint8 else fake
        return (fake[0] if single else fake).to(device, dtype)

    return InputImage(pixels[None] if single else pixels, restore, False)


def _array(image: Any) -> InputImage:
    import numpy as np

    if image.ndim not in (2, 3):
        raise DataError(f"An array must be one image of shape [H, W, C] or [H, W]; found {list(image.shape)}.")
    flat, dtype = image.ndim == 2, image.dtype
    if dtype.kind == "u" and dtype.itemsize <= 2:
        top = float(np.iinfo(dtype).max)
    elif dtype.kind == "f":
        top = 1.0
        if image.size and (image.min() < -0.5 or image.max() > LARGEST_VALUE):
            raise DataError(f"An array of floats must have values in [0, 1]; found {image.min():.4g} to {image.max():.4g}.")
    else:
        raise DataError(f"An array must hold uint8, uint16, or floats in [0, 1]; found {dtype}.")
    scaled = np.ascontiguousarray(np.atleast_3d(image)).astype(np.float32) / top * 2 - 1

    def restore(fake: Tensor, path: Path | None) -> Any:
        back = (fake[0].permute(1, 2, 0).numpy().astype(np.float64) + 1) / 2 * top
        back = (np.rint(back) if dtype.kind == "u" else back).astype(dtype)
        return back[..., 0] if flat and back.shape[2] == 1 else back

    return InputImage(torch.from_numpy(scaled).permute(2, 0, 1)[None], restore, True)


def _picture(image: Any, background: str | None, channels: int | None) -> InputImage:
    from PIL import Image

    from i2ikit.pixels import convert_pil_image, to_float, to_tensor

    pixels = _convert(convert_pil_image(image, "given"), background, channels, "given")
    deep = pixels.dtype.itemsize == 2

    def restore(fake: Tensor, path: Path | None) -> Any:
        array = fake[0].permute(1, 2, 0).numpy()
        if deep and array.shape[2] == 1:  # Pillow has no colour image of 16 bits
            return Image.fromarray(((array[..., 0] + 1) * 32767.5).round().astype("uint16"))
        back = ((array + 1) * 127.5).round().astype("uint8")
        return Image.fromarray(back[..., 0] if back.shape[2] == 1 else back)

    return InputImage(to_float(to_tensor(pixels))[None], restore, True)


def _file(path: Path, background: str | None, channels: int | None) -> InputImage:
    from i2ikit.pixels import get_bits, read_pixels, to_float, to_tensor, write_image

    pixels = _convert(read_pixels(path), background, channels, str(path))
    bits = get_bits(pixels)

    def restore(fake: Tensor, to: Path | None) -> Path:
        assert to is not None
        return write_image(fake[0], to, bits)

    return InputImage(to_float(to_tensor(pixels))[None], restore, True)


def _convert(pixels: Any, background: str | None, channels: int | None, name: str) -> Any:
    from i2ikit.pixels import composite, convert_channels

    if background is not None:
        pixels = composite(pixels, background)
    return pixels if channels is None else convert_channels(pixels, channels, name)


def _suggest_conversion(channels: int) -> str:
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}.get(channels)
    return f' Convert it first, for example with Pillow: image.convert("{mode}").' if mode else " Convert it first."


def _check_channels(image: InputImage, channels: int) -> InputImage:
    found = image.pixels.shape[1]
    if found != channels:
        hint = ' Give the colour behind transparent pixels: background="white".' if (found, channels) in ((4, 3), (2, 1)) else ""
        raise DataError(
            f"The image has {format_count(found, 'channel')}, and the model takes {channels}.{hint or _suggest_conversion(channels)}"
        )
    return image
