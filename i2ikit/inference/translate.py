"""Translate images of any type with a model."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from attrs import evolve
from torch import Tensor, nn

from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.inference.batched import Request, generate
from i2ikit.inference.discriminate import list_required_inputs, score
from i2ikit.inference.domains import check_seed, eval_mode, get_weight, is_count
from i2ikit.inference.geometry import check_size, crop_to_training
from i2ikit.inference.glued import take_source_half
from i2ikit.inference.image_io import InputImage
from i2ikit.inference.model_images import prepare, read_image
from i2ikit.inference.output_path import choose_output_path
from i2ikit.inference.pixel_checks import check_pixels
from i2ikit.inference.random_weights import has_random_weights, warn_about_random_weights
from i2ikit.inference.styles import check_samples, is_image, resolve_style
from i2ikit.inference.target_label import find_source_label, make_target_label

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class TranslationResult(NamedTuple):
    """A translation with the label it was made for, and where each value of that label comes from.

    Attributes:
        image: The translation, of the same type as the input image.
        label: The target label [B, D].
        values: For each image, the value of each attribute; None for the attributes of an unknown label set.
        origin: For each attribute, the origin of its value: "to", "label", "discriminator" or "unknown".
    """

    image: Any
    label: Tensor
    values: list[dict[str, str | None]]
    origin: dict[str, str]


def translate(
    model: Model,
    image: Any,
    to: Any = None,
    *,
    label: Any = None,
    source: str | None = None,
    style: Any = None,
    samples: int | None = None,
    size: Any = None,
    tile: int | None = None,
    background: str | None = None,
    range: Any = None,  # noqa: A002 - the name of the option everywhere
    max_pixels: int | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    details: bool = False,
) -> Any:
    """Translate images. The translation has the size of the input image.

    Args:
        model: A model that translates images, built from any recipe.
        image: A tensor [B, C, H, W] or [C, H, W] (float in [-1, 1] or uint8), a PIL image, an ndarray [H, W, C], [C, H, W] or [H, W]
            (uint8, uint16, or float in [0, 1]), or a path. The translation has the same type. For a path, it is written to ``out``, and
            that path is returned. Models of maps take class indices or instance numbers; a tensor then holds planes of 0 and 1, or
            numbers.
        to: The target. Models with labels: values by attribute, such as ``{"hair": "blond"}``, or a label [B, D] or [D]. Models with
            domains: the name of the target domain.
        label: The label of the source images: values by attribute, one such mapping per image, or a tensor. An attribute that ``to``
            does not set keeps its value in ``label``. If ``label`` does not give that value either, it is predicted by the
            discriminator's domain head.
        source: Models with labels: "unknown" leaves the label sets that ``to`` does not name unknown; the discriminator then predicts
            nothing. Models with domains: the name of the source domain. If it is needed and not given, it is the domain whose
            discriminator gives all images of the call the highest mean score; a warning names it.
        style: For models with styles: the style itself, a tensor [S] or [B, S], or a reference image whose style is taken, of any type
            and of the size of ``image``. By default the style is drawn from the prior.
        samples: The number of translations of each image; a list is returned. Sample n is drawn with ``seed + n``, n from 0.
        size: "trained" crops and resizes the images as in training. None keeps their size.
        tile: Side of square tiles in pixels, to translate images that do not fit into memory at once. The result equals that of the
            whole image if each output pixel depends on a limited part of the input. Otherwise a warning says that it differs.
        background: The colour put behind transparent pixels; by default the one of the training.
        range: The values of black and white in a PIL image, an array or a file, such as ``(0, 4095)``; by default those that the training
            data was opened with, else the full depth of integers and [0, 1] for floats. Integers that cannot hold the range use their full
            depth. The translation has the same range. Tensors always hold [-1, 1], or uint8.
        max_pixels: The largest number of pixels that a file may declare; by default that of the training, else 200 million.
        out: Where the translation of a path is written; by default in the working directory, with the target in its name, unless the input
            lies there. Several samples are numbered before the suffix.
        seed: The seed of the style, for models that draw one.
        details: Return a TranslationResult, which also holds the origin of each attribute's value.

    Raises:
        UnknownNameError: The model has no such attribute, value or domain.
        OptionError: The model does not support an option, or a value is out of range.
        DataError: The image cannot be read or has values that are not finite, or a reference image has another size.
    """
    check_seed(seed)
    route = check_request(model, to, label, source, samples, style)
    if tile is not None and not is_count(tile):
        raise OptionError(
            f"tile={tile!r} is not supported. Give the side of the tiles: a whole number of pixels, 1 or more, such as tile=512."
        )
    check_size(size)
    if range is not None and (isinstance(image, Tensor) or not model.source.is_picture):
        what = "maps hold numbers" if not model.source.is_picture else "a tensor holds values in [-1, 1], or uint8"
        raise OptionError(f"range={range!r} is for PIL images, arrays and files of pictures; {what}. Leave range= out.")
    preparation = prepare(model, background, range, max_pixels)
    opened = image if isinstance(image, InputImage) else read_image(model, image, preparation=preparation)
    pixels = take_source_half(model, check_pixels(opened.pixels).to(get_weight(model).dtype))
    pixels = pixels if tile else pixels.to(model.device)
    if size == "trained":
        pixels = crop_to_training(pixels, model.image, model.preprocessing, nearest=not model.source.is_picture)
    with eval_mode(model):
        target, source_label, origin = None, None, dict[str, str]()
        if route[1] is not None and route[0] is None:
            route = _find_likely_source(model, pixels, [begin for begin, end in model.routes if end == route[1]]), route[1]
        warn_about_random_weights(model, *route, has_style_image=is_image(model, style, pixels))
        if model.batch_kind.has_labels(model.domain):
            predict = functools.partial(_label_from_discriminator, model, pixels)
            target, origin = make_target_label(model.domain, len(pixels), to, label, source, predict, pixels)
            source_label = find_source_label(model.domain, len(pixels), label, pixels)
        request = Request(target, *route, seed, source_label=source_label)
        if style is not None:
            example = request.make_translation(model, pixels[..., :1, :1].to(model.device))  # only its nets and labels are used
            request = evolve(request, style=resolve_style(model, style, pixels, example, preparation, trained=size is not None))
        fakes = list(generate(model, pixels, request, samples or 1, tile))
    results = []
    for number, fake in enumerate(fakes):
        dtype = None if opened.value_type is None else opened.value_type.dtype
        path = choose_output_path(image, to, out, None if samples is None or samples == 1 else number + 1, model.image.channels, dtype)
        translated = opened.restore(fake.clamp(-1, 1).cpu() if opened.on_cpu else fake.clamp(-1, 1), path)
        values = [model.domain.decode(row) for row in target.tolist()] if target is not None else []
        labels = target if target is not None else torch.empty(len(pixels), 0)
        results.append(TranslationResult(translated, labels, values, origin) if details else translated)
    return results if samples is not None else results[0]


def check_request(model: Model, to: Any, label: Any, source: str | None, samples: Any, style: Any) -> tuple[str | None, str | None]:
    """Return the source and the target domain of a model with domains; None for a source that the discriminators have to find.

    Raises:
        UnknownNameError: The model has no such domain.
        OptionError: The model does not support an option, whatever the images are.
    """
    if not model.can_translate:
        raise OptionError(f'"{model.recipe.name}" generates images from noise. It cannot translate an image; use model.sample.')
    _refuse_unsupported(model, to, label, source)
    route = _find_route(model, to, source)
    check_samples(model, samples, style)
    return route


def _label_from_discriminator(model: Model, pixels: Tensor) -> Tensor | None:
    """Return the domain logits of the source images; None if there is no discriminator, or it was never trained."""
    if "discriminator" not in model.nets.slots or has_random_weights(model, "discriminator", ""):
        return None
    net = model.slot("discriminator")
    if isinstance(net, nn.ModuleDict) or list_required_inputs(net):
        return None
    return score(model, pixels.to(model.device), "discriminator", net, {}).domain_logits


def _find_route(model: Model, to: Any, source: str | None) -> tuple[str | None, str | None]:
    """Return the source and the target domain of a model with domains; None for both in other models."""
    if not model.batch_kind.domains:
        return None, None
    names = model.domain.names
    to = next(iter(to.values())) if isinstance(to, Mapping) and [*to] == [model.domain.attributes[0].name] else to
    ends = [name for name in names if any(name == end for _, end in model.routes)]
    if to is None and len(ends) > 1:
        raise OptionError(f"to= is not given, and this model has several target domains. Give one. Available: {', '.join(ends)}.")
    to = ends[0] if to is None else to
    for option, name in (("to", to), ("source", source)):
        if name is not None and not isinstance(name, str):
            raise OptionError(f"{option}={name!r} is not the name of a domain. Available: {', '.join(names)}.")
        if name is not None and name not in names:
            raise UnknownNameError(f"domain of this model ({option}=)", name, names)
    sources = [begin for begin, end in model.routes if end == to]
    if to == source and not _has_net_per_pair(model) and any(begin == to for begin, _ in model.routes):
        sources.append(to)  # an image in another style of its own domain
    if not sources or source not in (None, *sources):
        requested = f"to {to}" if source is None else f"from {source} to {to}"
        known = [f"from {begin} to {end}" for begin, end in model.routes]
        available = ", ".join([*known[:6], *(["..."] if len(known) > 6 else [])])
        raise OptionError(f'"{model.recipe.name}" does not translate {requested}. Available: {available}.')
    if source is None and len(sources) > 1 and _needs_source(model):
        if all(_has_trained_discriminator(model, name) for name in sources):
            return None, to
        raise OptionError(
            f"source= is not given, and this model has {len(names)} domains. Give the domain of the image: {', '.join(sources)}."
        )
    return source or sources[0], to


def _has_trained_discriminator(model: Model, domain: str) -> bool:
    """Tell whether a domain has a discriminator of its own whose weights are not those of a partial import."""
    slot = model.nets.slots.get("discriminator")
    return slot is not None and slot.per == "domain" and not has_random_weights(model, "discriminator", domain)


def _find_likely_source(model: Model, pixels: Tensor, sources: Sequence[str]) -> str:
    """Return the domain whose discriminator gives the images the highest score, at the size of the training."""
    cropped = crop_to_training(pixels, model.image, model.preprocessing).to(model.device)
    scores = {name: sum(float(each.mean()) for each in model.nets.net("discriminator", name)(cropped).scores) for name in sources}
    likely = max(scores, key=lambda name: scores[name])
    warnings.warn(
        f'source= is not given. The discriminators find "{likely}" the most likely domain of the image. Write source="{likely}" if it is.',
        stacklevel=4,
    )
    return likely


def _refuse_unsupported(model: Model, to: Any, label: Any, source: str | None) -> None:
    """Raise OptionError for an option that this kind of model does not accept."""
    kind = model.batch_kind
    if kind.has_labels(model.domain):
        if source in (None, "unknown"):
            return
        raise OptionError(f'source={source!r}: a model with labels accepts only source="unknown". Describe the source by label={{...}}.')
    unsupported = {"label": label} if kind.domains else {"to": to, "label": label, "source": source}
    for option, value in unsupported.items():
        if value is not None:
            why = "it has domains, which to= and source= name" if kind.domains else "it has one fixed target"
            raise OptionError(f'"{model.recipe.name}" does not accept {option}={value!r}: {why}. Leave {option}= out.')


def _has_net_per_pair(model: Model) -> bool:
    return any(slot.per == "pair" for slot in model.nets.slots.values())


def _needs_source(model: Model) -> bool:
    """Tell whether different source domains use different networks."""
    return _has_net_per_pair(model) or any(
        slot.per is not None and model.recipe.role(name) == "encoder" for name, slot in model.nets.slots.items()
    )
