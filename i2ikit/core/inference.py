"""Translating images of any kind, and asking the critic about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.code import Verdict
from i2ikit.core.draws import Draws
from i2ikit.core.kinds import opened
from i2ikit.core.translation import Translation
from i2ikit.errors import LabelError, OptionError

if TYPE_CHECKING:
    from i2ikit.core.model import Model


class Translated(NamedTuple):
    """An answer with its reasons.

    Attributes:
        image: The translation, of the same kind as the image that was given.
        label: The target label [B, D].
        values: For each row, the value of each attribute; None for those of a masked set.
        origin: For each attribute where its value comes from: "to", "label", "critic" or "unknown".
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
    size: Any = None,
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
        label: The source's label as a tensor or a row of values. Attributes that ``to`` does not name keep its values; without it they keep
            what the critic's domain head says.
        source: "unknown" masks the label sets that ``to`` does not name, in place of asking the critic; for systems with nets per
            domain, the name of the domain that the image is from.
        size: "trained" resizes to the size that the model was trained at; None keeps the image's.
        background: A colour behind transparent pixels; the training's own by default.
        out: Where the translation of a path goes; beside the input by default.
        seed: Of the drawn style, where the recipe draws one.
        details: Return a Translated, which says where each attribute's value comes from.

    Raises:
        UnknownNameError: An attribute or a value that the labels do not have.
        OptionError: Something else that cannot be asked of this model.
        DataError: The image cannot be read.
    """
    kind = opened(image, model.image.channels, background or model.preprocessing.get("background"))
    pixels = kind.pixels.to(model.device)
    if size == "trained":
        pixels = F.interpolate(pixels, (model.image.height, model.image.width), mode="bilinear", antialias=True)
    elif size is not None:
        raise OptionError(f'size={size!r}: write size="trained", or leave it out to keep the image\'s own size.')
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            target, origin = _target(model, pixels, to, label, source)
            fake = padded(model, pixels, target, to if isinstance(to, str) else None, source, seed)
    finally:
        model.train(was_training)
    made = kind.restore(fake.clamp(-1, 1).cpu() if kind.on_cpu else fake.clamp(-1, 1), _named(image, to, out))
    if not details:
        return made
    values = [model.domain.decode(row) for row in target.tolist()] if target is not None else []
    return Translated(made, target if target is not None else torch.empty(len(pixels), 0), values, origin)


def judge(model: Model, image: Any, by: str = "discriminator") -> Verdict:
    """Return the verdict of the critic in slot ``by`` on images of any kind; they are resized where the critic needs one size."""
    pixels = opened(image, model.image.channels, model.preprocessing.get("background")).pixels.to(model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _verdict(model, pixels, by)
    finally:
        model.train(was_training)


def padded(model: Model, pixels: Tensor, target: Tensor | None, to: str | None, source: str | None, seed: int) -> Tensor:
    """Translate [B, C, H, W] of any size: reflected to a multiple of the networks' stride, and cropped back."""
    multiple = math.lcm(*(int(getattr(module, "multiple", 1)) for module in model.nets.modules()))
    height, width = pixels.shape[-2:]
    down, right = -height % multiple, -width % multiple
    mode = "reflect" if down < height and right < width else "replicate"
    whole = F.pad(pixels, (0, right, 0, down), mode=mode) if down or right else pixels
    source_name, target_name = _route(model, to, source)
    draws = Draws(("translate", seed), device=pixels.device)
    style = model.nets.style
    translation = Translation(
        model.nets,
        draws,
        real=whole,
        target=target,
        source_name=source_name,
        target_name=target_name,
        style=draws.normal("style", (len(pixels), *style.shape)) if style else None,
        learning=False,
    )
    return translation.fake[..., :height, :width]


def _target(model: Model, pixels: Tensor, to: Any, label: Any, source: str | None) -> tuple[Tensor | None, dict[str, str]]:
    domain, rows = model.domain, len(pixels)
    if model.takes != "labelled":
        return None, {}
    if isinstance(to, Tensor) or (isinstance(to, Sequence) and not isinstance(to, str)):
        given = torch.as_tensor(to, dtype=pixels.dtype, device=pixels.device)
        given = given.expand(rows, -1) if given.ndim == 1 else given
        if given.ndim != 2 or given.shape != (rows, domain.width):
            raise LabelError(
                f"to= is a label of shape {list(given.shape)}; needed is [{rows}, {domain.width}]: {', '.join(domain.entries)}."
            )
        return given, {each.name: "to" for each in domain.attributes}
    if isinstance(to, str) and len(domain.attributes) == 1:
        to = {domain.attributes[0].name: to}
    if not isinstance(to, Mapping) or not to:
        raise OptionError(f'to={to!r} names no target. Write to={{"{domain.attributes[0].name}": "{domain.attributes[0].choices[0]}"}}.')
    named = {domain.attribute(name).name: domain.attribute(name).encode(value) for name, value in to.items()}
    # What ``to`` names need not be told of the source.
    kept, origin = _kept(model, pixels, named, {**to, **label} if isinstance(label, Mapping) else label, source)
    for name, entries in named.items():
        kept[:, domain.slice_of(name)] = torch.tensor(entries, dtype=pixels.dtype, device=pixels.device)
        if domain.masked:
            kept[:, domain.content + domain.set_of(name)] = 1.0
        origin[name] = "to"
    return kept, origin


def _kept(model: Model, pixels: Tensor, named: Mapping[str, Any], label: Any, source: str | None) -> tuple[Tensor, dict[str, str]]:
    """Return the source's label, and where each attribute's value comes from."""
    domain, rows = model.domain, len(pixels)
    if label is not None:
        known = _label(model, label, pixels)
        return known, {each.name: "label" if _is_known(domain, known, each.name) else "unknown" for each in domain.attributes}
    kept = torch.zeros(rows, domain.width, dtype=pixels.dtype, device=pixels.device)
    origin = {each.name: "unknown" for each in domain.attributes}
    touched = {domain.set_of(name) for name in named}
    asked = [
        index
        for index, part in enumerate(domain.sets)
        if any(each.name not in named for each in part.attributes) and (source != "unknown" or index in touched or not domain.masked)
    ]
    if not asked:
        return kept, origin
    logits = _verdict(model, pixels, "discriminator").domain if "discriminator" in model.nets.slots else None
    if logits is None:
        missing = next(each.name for each in domain.sets[asked[0]].attributes if each.name not in named)
        raise OptionError(
            f'The source\'s "{missing}" is not given, and this model has no critic that could tell it. Give label=, or name it in to=.'
        )
    for index in asked:
        for each in domain.sets[index].attributes:
            place = domain.slice_of(each.name)
            part = logits[:, place]
            kept[:, place] = F.one_hot(part.argmax(1), each.width).to(kept.dtype) if each.values else (part > 0).to(kept.dtype)
            origin[each.name] = "critic"
        if domain.masked:
            kept[:, domain.content + index] = 1.0
    return kept, origin


def _label(model: Model, label: Any, pixels: Tensor) -> Tensor:
    if isinstance(label, Mapping):
        label = torch.tensor(model.domain.encode(label))
    given = torch.as_tensor(label, dtype=pixels.dtype, device=pixels.device)
    given = given.expand(len(pixels), -1) if given.ndim == 1 else given
    if given.shape != (len(pixels), model.domain.width):
        raise LabelError(f"label= has shape {list(given.shape)}; needed is [{len(pixels)}, {model.domain.width}].")
    return given.clone()


def _is_known(domain: Any, label: Tensor, name: str) -> bool:
    return not domain.masked or bool((label[:, domain.content + domain.set_of(name)] > 0.5).all())


def _verdict(model: Model, pixels: Tensor, by: str) -> Verdict:
    critic = model.slot(by)
    if getattr(critic, "fixed_size", False):
        size = (model.image.height, model.image.width)
        pixels = pixels if pixels.shape[-2:] == size else F.interpolate(pixels, size, mode="bilinear", antialias=True)
    try:
        verdict: Verdict = critic(pixels)
    except TypeError as error:
        reads = ", ".join(model.nets.reads(by))
        raise OptionError(f'The critic "{by}" also needs {reads}; call model.slot("{by}") with them.') from error
    return verdict


def _route(model: Model, to: str | None, source: str | None) -> tuple[str | None, str | None]:
    if model.takes != "unpaired":
        return None, None
    names = model.domain.names
    if to not in names:
        raise OptionError(f"to={to!r} is no domain of this model; there is: {', '.join(names)}.")
    others = [name for name in names if name != to]
    if source is None and len(others) > 1:
        raise OptionError(f"This model has {len(names)} domains; say which the image is from: source= one of {', '.join(others)}.")
    if source is not None and source not in names:
        raise OptionError(f"source={source!r} is no domain of this model; there is: {', '.join(names)}.")
    return source or others[0], to


def _named(image: Any, to: Any, out: str | Path | None) -> Path | None:
    if out is not None:
        return Path(out)
    if not isinstance(image, (str, Path)):
        return None
    path = Path(image)
    words = [f"{name}-{value}" for name, value in to.items()] if isinstance(to, Mapping) else [to if isinstance(to, str) else "translated"]
    suffix = path.suffix if path.suffix.lower() in (".png", ".tif", ".tiff", ".npy") else ".png"
    return path.with_name(f"{path.stem}.{'.'.join(words)}{suffix}")
