"""The style of a requested translation: given as numbers, or encoded from a reference image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from torch import Tensor

from i2ikit.core.translation import Translation
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.inference.domains import is_count
from i2ikit.inference.geometry import crop_to_training
from i2ikit.inference.image_io import Preparation, open_image
from i2ikit.inference.padding import get_size_constraints, pad_image
from i2ikit.inference.pixel_checks import check_numbers, check_pixels
from i2ikit.inference.random_weights import find_style_encoder

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def resolve_style(model: Model, style: Any, like: Tensor, translation: Translation, preparation: Preparation, *, trained: bool) -> Tensor:
    """Return the styles [B, S] or [B, V, S] that a user's ``style`` stands for.

    Args:
        model: The model. Its slot "style_encoder", or else the encoder of the target domain, encodes a reference image.
        style: A style [S] or [B, S] (with V vectors [V, S] or [B, V, S]), or reference images of any type: one for all images, or
            one per image.
        like: The images to translate [B, C, H, W] in [-1, 1]. Reference images must have their size unless ``trained`` is set.
        translation: The translation of these images.
        preparation: How a reference image is read.
        trained: Whether reference images are cropped and resized to the size of the training.

    Raises:
        OptionError: The model has no styles, or no encoder for them.
        DataError: A reference image has another size or another number of channels.
    """
    shape = model.nets.style.shape if model.nets.style else None
    if shape is None:
        raise OptionError(f'"{model.recipe.name}" does not accept style=: it has no styles. Leave style= out.')
    rows, numbers = len(like), _find_numbers(style, shape, like)
    if numbers is not None:
        return _expand(check_numbers(numbers, "style"), rows, "style").to(like)
    if isinstance(style, Tensor) and style.ndim < 3:
        raise OptionError(f"style= has shape {list(style.shape)}; expected {list(shape)}, {[rows, *shape]}, or an image.")
    prepared = model.preprocessing
    try:
        reference = open_image(style, model.image.channels, evolve(preparation, convert=prepared.get("channels") is not None))
    except DataError as error:
        raise DataError(str(error).replace("The image has", "The style image has", 1)) from None
    pixels = check_pixels(reference.pixels, "style image").to(like)
    if trained:
        pixels = crop_to_training(pixels, model.image, prepared)
    if pixels.shape[-2:] != like.shape[-2:]:
        sizes = " and ".join(f"{height}x{width}" for height, width in (pixels.shape[-2:], like.shape[-2:]))
        raise DataError(
            f'The style image and the image to translate have sizes {sizes}. Give equal sizes, or size="trained" to resize both.'
        )
    slot = find_style_encoder(model)
    if slot not in model.nets.slots:
        raise OptionError(f'"{model.recipe.name}" has no encoder for styles of images. Give the style as a tensor {list(shape)}.')
    code = translation.encode(pad_image(pixels, *get_size_constraints(model)), translation.target_label, translation.target_name, slot=slot)
    if code.style is None or tuple(code.style.shape[1:]) != shape:
        raise OptionError(
            f'"{model.recipe.slots[slot].title}" returns no style {list(shape)} for an image. Give the style as a tensor {list(shape)}.'
        )
    return _expand(code.style, rows, "style image")


def is_image(model: Model, style: Any, like: Tensor) -> bool:
    """Tell whether a user's ``style`` for the images ``like`` is a reference image, not the style itself."""
    return style is not None and model.nets.style is not None and _find_numbers(style, model.nets.style.shape, like) is None


def _find_numbers(style: Any, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
    """Return a style that was given as numbers, with an axis for the rows; None for anything else."""
    if not isinstance(style, Tensor):
        return None
    if style.ndim == 4 and style.shape[2:] == (1, 1) != like.shape[2:] and style.shape[1:2] == shape:
        style = style.flatten(1)  # [B, S, 1, 1], as MUNIT's code has it
    if style.ndim > len(shape) + 1 or tuple(style.shape[-len(shape) :]) != shape:
        return None
    numbers: Tensor = style if style.ndim > len(shape) else style[None]
    return numbers


def _expand(style: Tensor, rows: int, what: str) -> Tensor:
    if len(style) not in (1, rows):
        raise OptionError(
            f"There are {format_count(len(style), what)} for {format_count(rows, 'image')}. Give one for all, or one per image."
        )
    return style.expand(rows, *style.shape[1:])


def check_samples(model: Model, samples: Any, style: Any) -> None:
    """Check the number of samples per image.

    Raises:
        OptionError: The number is below 1, or all samples would be equal.
    """
    if samples is None:
        return
    if not is_count(samples):
        raise OptionError(f"samples={samples!r} is not supported. Give the number of translations: a whole number, 1 or more.")
    is_random = model.nets.is_stochastic(model.nets.translator_slots, training=False)
    if samples > 1 and not is_random and (model.nets.style is None or style is not None):
        why = "style= fixes the style" if model.nets.style is not None else f'"{model.recipe.name}" has no styles'
        raise OptionError(f"samples={samples}: all samples would be equal, because {why}. Leave samples= out.")
