"""Translating images of any kind, and asking the discriminator about them."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from attrs import evolve
from torch import Tensor

from i2ikit.core.code import DiscriminatorOutput
from i2ikit.core.nets import pair_key
from i2ikit.core.translation import NON_TRANSLATOR_ROLES
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.inference.batched import Request, generate
from i2ikit.inference.geometry import crop_to_training
from i2ikit.inference.image_io import InputImage, open_image
from i2ikit.inference.styles import check_samples, resolve_style
from i2ikit.inference.target_label import target_label

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class TranslationResult(NamedTuple):
    """An answer with its reasons.

    Attributes:
        image: The translation, of the same kind as the image that was given.
        label: The target label [B, D].
        values: For each row, the value of each attribute; None for those of a masked set.
        origin: For each attribute where its value comes from: "to", "label", "discriminator" or "unknown".
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
    out: str | Path | None = None,
    seed: int = 0,
    details: bool = False,
) -> Any:
    """Translate images; the size is kept.

    Args:
        model: A model of any recipe.
        image: A tensor [B, C, H, W] or [C, H, W] (float in [-1, 1] or uint8), a PIL image, an ndarray [H, W, C] or [H, W] (uint8, uint16,
            or float in [0, 1]), or a path. The answer is of the same kind; for a path the image is written to ``out``, whose path
            is returned.
        to: The target: values by attribute ``{"hair": "blond"}``, the name of a domain, or a label [B, D] or [D].
        label: The source's label: values by attribute, one mapping a row, or a tensor. Attributes that ``to`` does not name keep its
            values; where it does not tell one, the discriminator's domain head is asked.
        source: "unknown" masks the label sets that ``to`` does not name, in place of asking the discriminator; for systems with nets per
            domain, the name of the domain that the images are from. With three domains or more the discriminators are asked where it is not
            said, and a warning says what they answered: the domain whose discriminator finds the images most real, all of one call together.
        style: Where the recipe draws a style: an example whose style is taken, an image of any kind as large as ``image``; or the style
            itself, a tensor [S] or [B, S]. Drawn from the prior by default.
        samples: That many translations of each image, as a list; the first is what ``seed`` gives, the next what ``seed + 1`` gives.
        size: "trained" crops and resizes as the training did; None keeps the image's own size.
        tile: Translate in square tiles of that side, for images that are larger than the memory. The tiles together equal the whole
            where the networks see a limited part of the image; where they look at all of it, a warning says that they do not.
        background: A colour behind transparent pixels; the training's own by default.
        out: Where the translation of a path goes; beside the input by default. Several samples get a number before the ending.
        seed: Of the drawn style, where the recipe draws one.
        details: Return a Translated, which says where each attribute's value comes from.

    Raises:
        UnknownNameError: An attribute, a value or a domain that the model does not have.
        OptionError: Something else that cannot be asked of this model.
        DataError: The image cannot be read, or an example is of another size.
    """
    route = check_request(model, to, label, source, samples, style)
    if tile is not None and (not isinstance(tile, int) or isinstance(tile, bool) or tile < 1):
        raise OptionError(f"tile={tile!r}: it is the side of a tile in pixels.")
    kind = read(model, image, background)
    pixels = kind.pixels if tile else kind.pixels.to(model.device)
    if size == "trained":
        pixels = crop_to_training(pixels, model.image, model.preprocessing)
    elif size is not None:
        raise OptionError(f'size={size!r}: write size="trained", or leave it out to keep the image\'s own size.')
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            target, origin = None, dict[str, str]()
            if route[1] is not None and route[0] is None:
                route = _likeliest(model, pixels, [begin for begin, end in model.routes if end == route[1]]), route[1]
            _warn_of_random(model, *route)
            if model.batch_kind == "labelled":
                ask = functools.partial(_label_from_discriminator, model, pixels)
                target, origin = target_label(model.domain, len(pixels), to, label, source, ask, pixels)
            request = Request(target, *route, seed)
            if style is not None:
                example = request.translation(model, pixels[..., :1, :1].to(model.device))  # for its nets and labels alone
                request = evolve(request, style=resolve_style(model, style, pixels, example, background, trained=size is not None))
            fakes = list(generate(model, pixels, request, samples or 1, tile))
    finally:
        model.train(was_training)
    answers = []
    for number, fake in enumerate(fakes):
        path = _named(image, to, out, None if samples is None or samples == 1 else number + 1)
        made = kind.restore(fake.clamp(-1, 1).cpu() if kind.on_cpu else fake.clamp(-1, 1), path)
        values = [model.domain.decode(row) for row in target.tolist()] if target is not None else []
        given = target if target is not None else torch.empty(len(pixels), 0)
        answers.append(TranslationResult(made, given, values, origin) if details else made)
    return answers if samples is not None else answers[0]


def check_request(model: Model, to: Any, label: Any, source: str | None, samples: Any, style: Any) -> tuple[str | None, str | None]:
    """Return the domains that images are translated from and to, where they have nets of their own; None for one that discriminators will tell.

    Raises:
        UnknownNameError: A domain that the model does not have.
        OptionError: Something that cannot be asked of this model, whatever the images.
    """
    _refuse_strange(model, to, label, source)
    route = _route(model, to, source)
    check_samples(model, samples, style)
    return route


def discriminate(model: Model, image: Any, by: str = "discriminator") -> DiscriminatorOutput:
    """Return the output of the discriminator in slot ``by`` on images of any kind; they are resized where the discriminator needs one size."""
    pixels = read(model, image).pixels.to(model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _discriminate(model, pixels, by)
    finally:
        model.train(was_training)


def read(model: Model, image: Any, background: str | None = None) -> InputImage:
    """Open an image of any kind as the model's training opened its own."""
    prepared = model.preprocessing
    convert = any(prepared.get(name) is not None for name in ("channels", "source_channels"))
    return open_image(image, model.source.channels, background or prepared.get("background"), convert=convert)


def _label_from_discriminator(model: Model, pixels: Tensor) -> Tensor | None:
    """Return what the discriminator says of the source; None where there is none, or its weights were never trained."""
    if "discriminator" not in model.nets.slots or _random(model, "discriminator", ""):
        return None
    return _discriminate(model, pixels.to(model.device), "discriminator").domain_logits


def _discriminate(model: Model, pixels: Tensor, by: str) -> DiscriminatorOutput:
    discriminator = model.slot(by)
    if getattr(discriminator, "fixed_size", False):
        pixels = crop_to_training(pixels, model.image, model.preprocessing)
    try:
        output: DiscriminatorOutput = discriminator(pixels)
    except TypeError as error:
        reads = ", ".join(model.nets.inputs_of(by))
        raise OptionError(f'The discriminator "{by}" also needs {reads}; call model.slot("{by}") with them.') from error
    return output


def _route(model: Model, to: Any, source: str | None) -> tuple[str | None, str | None]:
    """Return the domains that an image is translated from and to, where they have nets of their own."""
    if model.batch_kind == "sampled" or (model.batch_kind == "unpaired" and not model.routes):
        raise OptionError(f'"{model.recipe.name}" draws images from noise and translates none.')
    if model.batch_kind != "unpaired":
        return None, None
    names = model.domain.names
    to = next(iter(to.values())) if isinstance(to, Mapping) and [*to] == [model.domain.attributes[0].name] else to
    ends = [name for name in names if any(name == end for _, end in model.routes)]
    if to is None and len(ends) > 1:
        raise OptionError(f"to= names no domain; this model translates to: {', '.join(ends)}.")
    to = ends[0] if to is None else to
    for option, name in (("to", to), ("source", source)):
        if name is not None and not isinstance(name, str):
            raise OptionError(f"{option}={name!r} is no name of a domain; this model has: {', '.join(names)}.")
        if name is not None and name not in names:
            raise UnknownNameError(f"domain of this model ({option}=)", name, names)
    sources = [begin for begin, end in model.routes if end == to]
    if to == source and not _a_pair(model) and any(begin == to for begin, _ in model.routes):
        sources.append(to)  # an image in another style of its own domain
    if not sources or source not in (None, *sources):
        asked = f"to {to}" if source is None else f"from {source} to {to}"
        known = [f"from {begin} to {end}" for begin, end in model.routes]
        ways = ", ".join([*known[:6], *(["..."] if len(known) > 6 else [])])
        raise OptionError(f'"{model.recipe.name}" does not translate {asked}. It translates {ways}.')
    if source is None and len(sources) > 1 and _needs_source(model):
        if all(_knows(model, name) for name in sources):
            return None, to
        raise OptionError(f"This model has {len(names)} domains; say which the image is from: source= one of {', '.join(sources)}.")
    return source or sources[0], to


def _knows(model: Model, domain: str) -> bool:
    """Tell whether there is a discriminator of a domain's own that has learnt what its images look like, or is still to learn it."""
    slot = model.nets.slots.get("discriminator")
    return slot is not None and slot.per == "domain" and not _random(model, "discriminator", domain)


def _random(model: Model, slot: str, net: str) -> bool:
    """Tell whether a net has random weights since the rest was imported, and has not been trained since."""
    return not model.steps_done and not {slot, f"{slot} {net}"}.isdisjoint(model.preprocessing.get("untrained", ()))


def _likeliest(model: Model, pixels: Tensor, sources: Sequence[str]) -> str:
    """Return the domain whose discriminator finds the images most real, at the size of the training."""
    seen = crop_to_training(pixels, model.image, model.preprocessing).to(model.device)
    real = {name: sum(float(each.mean()) for each in model.nets.net("discriminator", name)(seen).scores) for name in sources}
    told = max(real, key=lambda name: real[name])
    warnings.warn(f'source= is not given; the discriminators take the image to be of "{told}". source="{told}" says so.', stacklevel=4)
    return told


def _warn_of_random(model: Model, source: str | None, target: str | None) -> None:
    for name, slot in model.nets.slots.items():
        net = {"domain": target or "", "pair": pair_key(source, target)}.get(slot.per or "", "")
        if model.nets.roles[name] not in NON_TRANSLATOR_ROLES and _random(model, name, net):
            which = f'"{name}" {net}' if slot.per == "pair" else f'"{name}"'
            warnings.warn(f"The weights of {which} are random: no file of them was given to the import.", stacklevel=4)


def _refuse_strange(model: Model, to: Any, label: Any, source: str | None) -> None:
    """Raise for what says nothing to a model of this kind."""
    if model.batch_kind == "labelled" and source not in (None, "unknown"):
        raise OptionError(f'source={source!r} says nothing to a model with labels. Write label={{...}}, or source="unknown".')
    strange = {"paired": {"to": to, "label": label, "source": source}, "unpaired": {"label": label}}.get(model.batch_kind, {})
    for option, value in strange.items():
        if value is not None:
            why = "has one target" if model.batch_kind == "paired" else "has domains and no labels: to= and source= name them"
            raise OptionError(f'{option}={value!r} says nothing to "{model.recipe.name}", which {why}. Leave it out.')


def _a_pair(model: Model) -> bool:
    return any(slot.per == "pair" for slot in model.nets.slots.values())


def _needs_source(model: Model) -> bool:
    """Tell whether the way from a domain to another depends on where it begins."""
    return _a_pair(model) or any(slot.per is not None and model.recipe.role(name) == "encoder" for name, slot in model.nets.slots.items())


def _named(image: Any, to: Any, out: str | Path | None, number: int | None = None) -> Path | None:
    if out is not None:
        path = Path(out)
        return path if number is None else path.with_name(f"{path.stem}.{number}{path.suffix}")
    if not isinstance(image, (str, Path)):
        return None
    path = Path(image)
    words = [f"{name}-{value}" for name, value in to.items()] if isinstance(to, Mapping) else [to if isinstance(to, str) else "translated"]
    words = [re.sub(r'[/\\:*?"<>|\s]+', "_", word) for word in words]
    suffix = path.suffix if path.suffix.lower() in (".png", ".tif", ".tiff", ".npy") else ".png"
    words += [str(number)] if number is not None else []
    return path.with_name(f"{path.stem}.{'.'.join(words)}{suffix}")
