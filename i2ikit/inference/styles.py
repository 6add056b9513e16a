"""The style of a translation that is asked for: drawn from the prior, given as numbers, or taken from an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from i2ikit.core.translation import NON_TRANSLATOR_ROLES, Translation
from i2ikit.errors import DataError, OptionError, format_count
from i2ikit.inference.geometry import crop_to_training
from i2ikit.inference.image_io import open_image
from i2ikit.inference.padding import get_size_constraints, pad_image

if TYPE_CHECKING:
    from i2ikit.core.model import Model

STYLE_ENCODER = "style_encoder"


def resolve_style(model: Model, style: Any, like: Tensor, translation: Translation, background: str | None, *, trained: bool) -> Tensor:
    """Return the styles [B, S] or [B, V, S] that ``style`` means.

    Args:
        model: Whose encoder of the target's domain, or whose slot "style_encoder", reads it off an example.
        style: A style [S] or [B, S] (with V vectors [V, S] or [B, V, S]), or an example: an image of any kind, one for all rows or one
            a row.
        like: The images that are translated [B, C, H, W]; an example is as large as they are, but where ``trained``.
        translation: Of those images.
        background: A colour behind transparent pixels of an example.
        trained: Whether examples are brought to the size of the training.

    Raises:
        OptionError: The model reads no style, or nothing encodes one.
        DataError: An example of another size or of other channels.
    """
    shape = model.nets.style.shape if model.nets.style else None
    if shape is None:
        raise OptionError(f'style= is given, and "{model.recipe.name}" draws no style. Leave it out.')
    rows = len(like)
    if isinstance(style, Tensor) and style.ndim == 4 and style.shape[2:] == (1, 1) != like.shape[2:] and style.shape[1:2] == shape:
        style = style.flatten(1)  # [B, S, 1, 1], as MUNIT's code has it
    if isinstance(style, Tensor) and style.ndim <= len(shape) + 1 and tuple(style.shape[-len(shape) :]) == shape:
        return _rows(style if style.ndim > len(shape) else style[None], rows, "style").to(like)
    if isinstance(style, Tensor) and style.ndim < 3:
        raise OptionError(f"style= has shape {list(style.shape)}; needed is {list(shape)}, {[rows, *shape]}, or an image.")
    prepared = model.preprocessing
    try:
        example = open_image(
            style, model.image.channels, background or prepared.get("background"), convert=prepared.get("channels") is not None
        )
    except DataError as error:
        raise DataError(str(error).replace("The image has", "The style image has", 1)) from None
    pixels = example.pixels.to(model.device)
    if trained:
        pixels = crop_to_training(pixels, model.image, prepared)
    if pixels.shape[-2:] != like.shape[-2:]:
        sizes = " and ".join(f"{height}x{width}" for height, width in (pixels.shape[-2:], like.shape[-2:]))
        raise DataError(f'The style image and the image to translate are {sizes}. Give equal sizes, or size="trained" to resize both.')
    slot = STYLE_ENCODER if STYLE_ENCODER in model.nets.slots else "encoder"
    if slot not in model.nets.slots:
        raise OptionError(f'"{model.recipe.name}" has no encoder that could read a style off an image. Give a tensor {list(shape)}.')
    code = translation.encode(pad_image(pixels, *get_size_constraints(model)), translation.target_label, translation.target_name, slot=slot)
    if code.style is None or tuple(code.style.shape[1:]) != shape:
        raise OptionError(f'"{model.recipe.slots[slot].component}" reads no style {list(shape)} off an image. Give a tensor {list(shape)}.')
    return _rows(code.style, rows, "style image")


def _rows(style: Tensor, rows: int, what: str) -> Tensor:
    if len(style) not in (1, rows):
        raise OptionError(f"{format_count(len(style), what)} for {format_count(rows, 'image')}: give one, or one an image.")
    return style.expand(rows, *style.shape[1:])


def check_samples(model: Model, samples: Any, style: Any) -> None:
    """Refuse a number of samples that cannot be, or that would all be equal.

    Raises:
        OptionError: See above.
    """
    if samples is None:
        return
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise OptionError(f"samples={samples!r}: it is a number of translations of each image, 1 or more.")
    translator = [model.slot(name) for name, role in model.nets.roles.items() if role not in NON_TRANSLATOR_ROLES]
    drawing = any(getattr(module, "stochastic", False) for net in translator for module in net.modules())
    if samples > 1 and not drawing and (model.nets.style is None or style is not None):
        why = "style= says which style" if model.nets.style is not None else f'"{model.recipe.name}" draws no style'
        raise OptionError(f"samples={samples}: {why}, so that all would be equal. Leave samples= out.")
