"""Encode images, and decode codes into images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from i2ikit.core import contract
from i2ikit.core.code import Code, ConditionedCode
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.specs import CodeSpec, ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import DataError, OptionError, UnknownNameError
from i2ikit.inference.domains import Domain, check_seed, eval_mode, find_domain, get_weight, resolve_domain
from i2ikit.inference.geometry import check_size, crop_to_training
from i2ikit.inference.model_images import read_image
from i2ikit.inference.padding import get_size_constraints
from i2ikit.inference.pixel_checks import check_numbers, check_pixels
from i2ikit.inference.sample import expand_style
from i2ikit.inference.truncation import check_truncation, find_network, find_style_shape, truncate

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def encode(
    model: Model,
    image: Any,
    *,
    domain: Any = None,
    slot: str = "encoder",
    size: str | None = None,
    background: str | None = None,
    seed: int = 0,
) -> Code:
    """Return the code of images, as an encoder returns it: before the conditioner, with its styles as they are (no offsets).

    Args:
        model: A model with ``can_encode``.
        image: Images of any type that ``translate`` takes: a tensor [B, C, H, W] or [C, H, W] in [-1, 1], a PIL image, an array or a path.
            Both sides must be multiples of the networks' stride.
        domain: The domain of the images. Models with domains: its name. Models with labels: values by attribute or a label [B, D] or [D],
            if the encoder needs it.
        slot: The slot of the encoder.
        size: "trained" crops and resizes the images as in training. None keeps their size.
        background: The colour put behind transparent pixels; by default the one of the training.
        seed: The seed of encoders that draw random numbers.

    Raises:
        OptionError: The model has no encoder, the size of the image does not fit, or an option is not supported.
        UnknownNameError: The model has no such encoder, domain, attribute or value.
        DataError: The image cannot be read.
    """
    check_seed(seed)
    encoders = [name for name, role in model.nets.roles.items() if role == "encoder"]
    if not encoders:
        hint = " Search for a code: model.invert." if model.can_sample else ""
        raise OptionError(f'"{model.recipe.name}" has no encoder.{hint}')
    if slot not in encoders:
        raise UnknownNameError("encoder of this model", slot, encoders)
    pixels = read_images(model, image, model.source if slot == "encoder" else model.image, size, background)
    size_multiple, min_size = get_size_constraints(model)
    if any(side % size_multiple or side < min_size for side in pixels.shape[-2:]):
        found = "x".join(map(str, pixels.shape[-2:]))
        raise OptionError(
            f"Images to encode must have sides that are multiples of {size_multiple}, {min_size} or more; found {found}. "
            f'Crop or resize them, or give size="trained".'
        )
    found_domain = resolve_domain(model, domain, len(pixels), is_optional=True)
    with eval_mode(model):
        translation = Translation(model.nets, _make_streams(model, "encode", seed, len(pixels)), real=pixels)
        return translation.encode(pixels, found_domain.label, found_domain.name, slot=slot)


def decode(
    model: Model,
    code: Code,
    *,
    domain: Any = None,
    source: str | None = None,
    style: Tensor | None = None,
    truncation: float | None = None,
    seed: int = 0,
) -> Tensor:
    """Return the images that a model makes from codes. With the domain of the encoded images, this is their reconstruction.

    Args:
        model: The model.
        code: The code, as :func:`encode` returns it: it is conditioned first, if the model has a conditioner. A :class:`ConditionedCode`,
            as :func:`i2ikit.inference.invert.invert` returns it, enters the generator as it is.
        domain: The domain of the result. Models with domains: its name. Models with labels: values by attribute or a label [B, D] or [D].
        source: The domain of the encoded images, for models with one network for each pair of domains; by default ``domain``.
        style: A style [S] or [B, S] (with V vectors [V, S] or [B, V, S]) that replaces that of the code.
        truncation: As in :func:`i2ikit.inference.sample.sample`.
        seed: The seed of networks that draw random numbers.

    Returns:
        The images [B, C, H, W] in [-1, 1].

    Raises:
        OptionError: The code is no code, or has no style where the model needs one; or an option is not supported.
        UnknownNameError: The model has no such domain, attribute or value.
    """
    check_seed(seed)
    rows = count_rows(code)
    check_shapes(model, code, "The code")
    target = resolve_domain(model, domain, rows)
    if source is not None:
        if target.name is None:
            raise OptionError(f'"{model.recipe.name}" does not accept source={source!r}: it has no domains. Leave source= out.')
        find_domain(model, source, "source")
    check_truncation(model, truncation, target.name)
    code = move_code(code, get_weight(model))
    for part in (*code.maps, code.style):
        if part is not None:
            check_numbers(part, "code")
    if style is not None:
        if isinstance(code, ConditionedCode):
            raise OptionError("style= is given, and the code is conditioned already. Replace its style: code._replace(style=...).")
        code = code._replace(style=expand_style(model, style, rows))
    if code.style is None and model.nets.style is not None:
        raise OptionError(
            f'The code has no style, and "{model.recipe.name}" needs one. Give style=, a tensor {list(model.nets.style.shape)}.'
        )
    with eval_mode(model):
        translation = make_decoding(model, rows, seed)
        conditioned = condition(translation, code, target, source)
        image = translation.generate(truncate(model, conditioned, truncation, target.name), source or target.name, target.name)
        return image.clamp(-1, 1)


def condition(translation: Translation, code: Code, domain: Domain, source: str | None = None) -> Code:
    """Return a conditioned code; the code itself if it is one."""
    if isinstance(code, ConditionedCode):
        return code
    return ConditionedCode(*translation.condition(code, domain.label, source or domain.name, domain.name))


def make_decoding(model: Model, rows: int, seed: int) -> Translation:
    """Return a translation that generates from given codes. Decoding and inversion with one seed draw the same noise."""
    return Translation(model.nets, _make_streams(model, "decode", seed, rows))


def read_images(model: Model, image: Any, spec: ImageSpec, size: str | None, background: str | None) -> Tensor:
    """Return images of any type as [B, C, H, W], with the dtype and on the device of the model."""
    check_size(size)
    pixels = check_pixels(read_image(model, image, background, spec=spec).pixels).to(get_weight(model))
    return pixels if size is None else crop_to_training(pixels, model.image, model.preprocessing, nearest=not spec.is_picture)


def count_rows(code: Any) -> int:
    """Return the number of images of a code, B.

    Raises:
        OptionError: It is no code, or an empty one.
        DataError: Its parts have different numbers of rows.
    """
    if not isinstance(code, Code):
        raise OptionError(
            f"A code must be a Code, as model.encode returns it; found {type(code).__name__}. A style alone: Code(style=...)."
        )
    counts = {len(each) for each in (*code.maps, code.style) if each is not None}
    if not counts:
        raise OptionError("The code has neither maps nor a style. Give one of them, for example Code(style=...).")
    if len(counts) > 1:
        raise DataError(f"The maps and the style of the code have different numbers of rows: {', '.join(map(str, sorted(counts)))}.")
    return counts.pop()


def check_shapes(model: Model, code: Code, title: str) -> None:
    """Check the maps and the style of a code; a code that is conditioned already has the style that the conditioner returns.

    Raises:
        OptionError: A shape is not that of the model; the message calls the code ``title``.
    """
    if isinstance(code, ConditionedCode):
        shape: tuple[int, ...] = find_style_shape(model)
        expected: tuple[int, ...] | None = None
    else:
        encoder = find_network(model, "encoder")
        spec = None if encoder is None else contract.read(encoder, "output_spec")
        style = model.nets.style or (spec.style if isinstance(spec, CodeSpec) else None)
        shape = () if style is None else style.shape
        expected = tuple(each.channels for each in spec.maps) if isinstance(spec, CodeSpec) else ()
    channels = tuple(each.shape[1] if each.ndim == 4 else 0 for each in code.maps)
    if expected is not None and channels != expected:
        raise OptionError(f'{title} has {_count_maps(channels)}; "{model.recipe.name}" needs {_count_maps(expected)}.')
    if shape and code.style is not None and tuple(code.style.shape[1:]) != shape:
        wanted = ", ".join(map(str, ("B", *shape)))
        raise OptionError(f'{title} has a style of shape {list(code.style.shape)}; "{model.recipe.name}" needs [{wanted}].')


def _count_maps(channels: tuple[int, ...]) -> str:
    return f"maps with {' and '.join(map(str, channels))} channels" if channels else "no maps"


def move_code(code: Code, like: Tensor) -> Code:
    """Return a code with the dtype and on the device of a tensor, without its posterior."""
    maps = tuple(each.to(like) for each in code.maps)
    return code._replace(maps=maps, style=None if code.style is None else code.style.to(like), posterior=None)


def _make_streams(model: Model, purpose: str, seed: int, rows: int) -> RandomStreams:
    like = get_weight(model)
    return RandomStreams((purpose, seed), device=like.device, dtype=like.dtype, rows=tuple(range(rows)))
