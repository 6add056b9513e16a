"""The kinds of image that people hold: tensors, PIL images, arrays and paths, and the way back to the same kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from i2ikit.errors import DataError, format_count

STRAY = 10.0
"""No image in [-1, 1] or [0, 1] strays so far, with noise added either; one of [0, 255] does."""


class InputImage(NamedTuple):
    """An image as the networks take it, and how to give it back.

    Attributes:
        pixels: [B, C, H, W] in [-1, 1].
        restore: From [B, C, H, W] in [-1, 1], and a path for images that came from one, to the kind that was given.
        on_cpu: Whether the way back needs the image on the CPU.
    """

    pixels: Tensor
    restore: Callable[[Tensor, Path | None], Any]
    on_cpu: bool


def open_image(image: Any, channels: int, background: str | None, *, convert: bool = False) -> InputImage:
    """Read an image of any kind.

    Args:
        image: A tensor, a PIL image, an ndarray or a path.
        channels: Those of the model.
        background: A colour behind transparent pixels of pictures and files, or None.
        convert: Whether pictures and files of other channels are brought to the model's, as a training with ``channels=`` does.

    Raises:
        DataError: It has another number of channels than the model, or is of no known kind.
    """
    if isinstance(image, Tensor):
        return _checked(_tensor(image), channels)
    if isinstance(image, (str, Path)):
        return _checked(_file(Path(image), background, channels if convert else None), channels)
    module = type(image).__module__
    if module.startswith("PIL."):
        return _checked(_picture(image, background, channels if convert else None), channels)
    if module == "numpy" and hasattr(image, "shape"):
        return _checked(_array(image), channels)
    raise DataError(f"An image is a tensor, a PIL image, an ndarray or a path; found {type(image).__name__}.")


def _tensor(image: Tensor) -> InputImage:
    if image.ndim not in (3, 4):
        raise DataError(f"A tensor of images is [B, C, H, W] or [C, H, W]; found {list(image.shape)}.")
    single, dtype, device = image.ndim == 3, image.dtype, image.device
    if dtype is not torch.uint8 and not dtype.is_floating_point:
        raise DataError(f"A tensor of images is float in [-1, 1] or uint8; found {dtype}.")
    if dtype.is_floating_point and image.numel() and float(image.detach().abs().max()) > STRAY:
        raise DataError(f"A tensor of images is float in [-1, 1] or uint8; found {dtype} up to {float(image.detach().abs().max()):.4g}.")
    pixels = image.float() / 127.5 - 1 if dtype is torch.uint8 else image.float()

    def restore(fake: Tensor, path: Path | None) -> Tensor:
        fake = ((fake + 1) * 127.5).round() if dtype is torch.uint8 else fake
        return (fake[0] if single else fake).to(device, dtype)

    return InputImage(pixels[None] if single else pixels, restore, False)


def _array(image: Any) -> InputImage:
    import numpy as np

    if image.ndim not in (2, 3):
        raise DataError(f"An array is one image [H, W, C] or [H, W]; found {list(image.shape)}.")
    flat, dtype = image.ndim == 2, image.dtype
    if dtype.kind == "u" and dtype.itemsize <= 2:
        top = float(np.iinfo(dtype).max)
    elif dtype.kind == "f":
        top = 1.0
        if image.size and (image.min() < -0.5 or image.max() > STRAY):
            raise DataError(f"An array of floats holds an image in [0, 1]; found {image.min():.4g} to {image.max():.4g}.")
    else:
        raise DataError(f"An array holds uint8, uint16, or floats in [0, 1]; found {dtype}.")
    scaled = np.ascontiguousarray(np.atleast_3d(image)).astype(np.float32) / top * 2 - 1

    def restore(fake: Tensor, path: Path | None) -> Any:
        back = (fake[0].permute(1, 2, 0).numpy().astype(np.float64) + 1) / 2 * top
        back = (np.rint(back) if dtype.kind == "u" else back).astype(dtype)
        return back[..., 0] if flat and back.shape[2] == 1 else back

    return InputImage(torch.from_numpy(scaled).permute(2, 0, 1)[None], restore, True)


def _picture(image: Any, background: str | None, channels: int | None) -> InputImage:
    from PIL import Image

    from i2ikit.pixels import pixels_of, to_float, to_tensor

    pixels = _shaped(pixels_of(image, "given"), background, channels, "given")
    deep = pixels.dtype.itemsize == 2

    def restore(fake: Tensor, path: Path | None) -> Any:
        array = fake[0].permute(1, 2, 0).numpy()
        if deep and array.shape[2] == 1:  # there is no picture of 16 bits in colour
            return Image.fromarray(((array[..., 0] + 1) * 32767.5).round().astype("uint16"))
        back = ((array + 1) * 127.5).round().astype("uint8")
        return Image.fromarray(back[..., 0] if back.shape[2] == 1 else back)

    return InputImage(to_float(to_tensor(pixels))[None], restore, True)


def _file(path: Path, background: str | None, channels: int | None) -> InputImage:
    from i2ikit.pixels import bits_of, read_pixels, to_float, to_tensor, write_image

    pixels = _shaped(read_pixels(path), background, channels, str(path))
    bits = bits_of(pixels)

    def restore(fake: Tensor, to: Path | None) -> Path:
        assert to is not None
        return write_image(fake[0], to, bits)

    return InputImage(to_float(to_tensor(pixels))[None], restore, True)


def _shaped(pixels: Any, background: str | None, channels: int | None, name: str) -> Any:
    from i2ikit.pixels import composite, with_channels

    if background is not None:
        pixels = composite(pixels, background)
    return pixels if channels is None else with_channels(pixels, channels, name)


def _how(channels: int) -> str:
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}.get(channels)
    return f' Convert it first, such as with Pillow: image.convert("{mode}").' if mode else " Convert it first."


def _checked(kind: InputImage, channels: int) -> InputImage:
    found = kind.pixels.shape[1]
    if found != channels:
        hint = ' Say what is behind transparent pixels: background="white".' if (found, channels) in ((4, 3), (2, 1)) else ""
        raise DataError(f"The image has {format_count(found, 'channel')}, the model {channels}.{hint or _how(channels)}")
    return kind
