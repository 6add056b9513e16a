"""Read tensors, PIL images, arrays and paths as images of one form, and turn results back into the input's type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from attrs import frozen
from torch import Tensor

from i2ikit.errors import DataError, format_count

if TYPE_CHECKING:
    from i2ikit.pixels import Pixels
    from i2ikit.pixels.value_range import Range, ValueType

LARGEST_VALUE = 10.0
"""A float tensor in [-1, 1] stays below this even with noise added; one in [0, 255] does not."""


class InputImage(NamedTuple):
    """An image as the networks take it, and how to convert a result to the type of the input.

    Attributes:
        pixels: [B, C, H, W] in [-1, 1].
        restore: Converts [B, C, H, W] in [-1, 1] to the type of the input; writes it to a path if the input was a path.
        on_cpu: Whether ``restore`` needs the image on the CPU.
        value_type: Type and range of the values of a PIL image, an array or a file; those of a result are the same.
    """

    pixels: Tensor
    restore: Callable[[Tensor, Path | None], Any]
    on_cpu: bool
    value_type: ValueType | None = None


@frozen
class Preparation:
    """How PIL images, arrays and files are read: as the images of the training were.

    Attributes:
        background: The colour put behind transparent pixels of PIL images, arrays and files, or None.
        convert: Whether PIL images, arrays and files with another number of channels are converted, as a training with ``channels=`` does.
        values: The range of the values of PIL images, arrays and files, or None: integers use their full depth, and floats are in [0, 1].
        max_pixels: The largest number of pixels that a file may declare; None is the default.
    """

    background: str | None = None
    convert: bool = False
    values: Range | None = None
    max_pixels: int | None = None


def open_image(image: Any, channels: int, preparation: Preparation) -> InputImage:
    """Read an image of any type.

    Args:
        image: A tensor, a PIL image, an ndarray or a path.
        channels: The number of channels that the model takes.
        preparation: How PIL images, arrays and files are read.

    Raises:
        DataError: The type is not supported, a value is out of range, or the number of channels differs from the model's.
    """
    if isinstance(image, Tensor):
        return _check_channels(_tensor(image), channels)
    wanted = channels if preparation.convert else None
    if isinstance(image, (str, Path)):
        return _check_channels(_file(Path(image), wanted, preparation), channels)
    module = type(image).__module__
    if module.startswith("PIL."):
        return _check_channels(_picture(image, wanted, preparation), channels)
    if module == "numpy" and hasattr(image, "shape"):
        return _check_channels(_array(image, wanted, preparation), channels)
    raise DataError(f"An image must be a tensor, a PIL image, an ndarray or a path; found {type(image).__name__}.")


def _tensor(image: Tensor) -> InputImage:
    if image.ndim not in (3, 4):
        raise DataError(f"A tensor of images must have shape [B, C, H, W] or [C, H, W]; found {list(image.shape)}.")
    if image.layout != torch.strided or image.is_meta:
        found = "without values (on the device meta)" if image.is_meta else f"with the layout {image.layout}"
        raise DataError(f"A tensor of images must be dense and have values; found one {found}.")
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


def _array(image: Any, channels: int | None, preparation: Preparation) -> InputImage:
    from i2ikit.pixels.arrays import move_channels_last

    if image.ndim not in (2, 3) or not image.size:
        raise DataError(f"An array must be one image of shape [H, W, C], [C, H, W] or [H, W]; found {list(image.shape)}.")
    is_flat, values = image.ndim == 2, move_channels_last(image)
    has_channels_first = not is_flat and values.shape != image.shape
    pixels, value_type = _scale(values, "given", preparation)
    pixels = _convert(pixels, channels, preparation, "given")

    def restore(fake: Tensor, path: Path | None) -> Any:
        back = value_type.restore(_to_array(fake))
        if has_channels_first:
            return back.transpose(2, 0, 1)
        return back[..., 0] if is_flat and back.shape[2] == 1 else back

    return _make_input(pixels, restore, value_type)


def _picture(image: Any, channels: int | None, preparation: Preparation) -> InputImage:
    from PIL import Image

    from i2ikit.pixels import get_pil_values
    from i2ikit.pixels.value_range import ValueType

    pixels, value_type = _scale(get_pil_values(image, "given"), "given", preparation)
    pixels = _convert(pixels, channels, preparation, "given")

    def restore(fake: Tensor, path: Path | None) -> Any:
        array = _to_array(fake)
        if array.shape[2] == 1:
            return Image.fromarray(value_type.restore(array)[..., 0])
        return Image.fromarray(ValueType(np.dtype("uint8"), (0, 255)).restore(array))  # Pillow has no colours of more than 8 bits

    return _make_input(pixels, restore, value_type)


def _file(path: Path, channels: int | None, preparation: Preparation) -> InputImage:
    from i2ikit.pixels.encode import fit_value_type
    from i2ikit.pixels.images import read_values, write_values
    from i2ikit.pixels.pictures import check_limit

    pixels, value_type = _scale(read_values(path, check_limit(preparation.max_pixels)), str(path), preparation)
    pixels = _convert(pixels, channels, preparation, str(path))

    def restore(fake: Tensor, to: Path | None) -> Path:
        assert to is not None
        return write_values(fake[0], to, fit_value_type(value_type, to.suffix, fake.shape[1]))

    return _make_input(pixels, restore, value_type)


def _scale(values: Any, name: str, preparation: Preparation) -> tuple[Pixels, ValueType]:
    from i2ikit.pixels.value_range import find_value_type

    value_type = find_value_type(values, name, preparation.values)
    return value_type.scale(values, name), value_type


def _convert(pixels: Pixels, channels: int | None, preparation: Preparation, name: str) -> Pixels:
    from i2ikit.pixels import composite, convert_channels

    if preparation.background is not None:
        pixels = composite(pixels, preparation.background)
    return pixels if channels is None else convert_channels(pixels, channels, name)


def _make_input(pixels: Pixels, restore: Callable[[Tensor, Path | None], Any], value_type: ValueType) -> InputImage:
    from i2ikit.pixels import to_float, to_tensor

    return InputImage(to_float(to_tensor(pixels))[None], restore, True, value_type)


def _to_array(fake: Tensor) -> Any:
    return fake[0].permute(1, 2, 0).float().numpy()


def _suggest_conversion(channels: int) -> str:
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}.get(channels)
    return f' Convert it to {mode} first, for example with Pillow: image.convert("{mode}").' if mode else " Convert it first."


def _check_channels(image: InputImage, channels: int) -> InputImage:
    found = image.pixels.shape[1]
    if found != channels:
        hint = ' Give the colour behind transparent pixels: background="white".' if (found, channels) in ((4, 3), (2, 1)) else ""
        raise DataError(
            f"The image has {format_count(found, 'channel')}, and the model takes {channels}.{hint or _suggest_conversion(channels)}"
        )
    return image
