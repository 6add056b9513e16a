"""Translating images of any kind, and asking the critic about them."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.code import Verdict
from i2ikit.core.draws import Draws
from i2ikit.core.framing import framed
from i2ikit.core.kinds import Kind, opened
from i2ikit.core.plans import one_hot
from i2ikit.core.target import target_label
from i2ikit.core.translation import Translation
from i2ikit.errors import OptionError

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
        label: The source's label: values by attribute, one mapping a row, or a tensor. Attributes that ``to`` does not name keep its
            values; where it does not tell one, the critic's domain head is asked.
        source: "unknown" masks the label sets that ``to`` does not name, in place of asking the critic; for systems with nets per
            domain, the name of the domain that the image is from.
        size: "trained" crops and resizes as the training did; None keeps the image's own size.
        background: A colour behind transparent pixels; the training's own by default.
        out: Where the translation of a path goes; beside the input by default.
        seed: Of the drawn style, where the recipe draws one.
        details: Return a Translated, which says where each attribute's value comes from.

    Raises:
        UnknownNameError: An attribute or a value that the labels do not have.
        OptionError: Something else that cannot be asked of this model.
        DataError: The image cannot be read.
    """
    kind = read(model, image, background)
    pixels = kind.pixels.to(model.device)
    if size == "trained":
        pixels = framed(pixels, model.image, model.preprocessing)
    elif size is not None:
        raise OptionError(f'size={size!r}: write size="trained", or leave it out to keep the image\'s own size.')
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            target, origin = None, dict[str, str]()
            if model.takes == "labelled":
                ask = functools.partial(_told, model, pixels)
                target, origin = target_label(model.domain, len(pixels), to, label, source, ask, pixels)
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
    pixels = read(model, image).pixels.to(model.device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _verdict(model, pixels, by)
    finally:
        model.train(was_training)


def read(model: Model, image: Any, background: str | None = None) -> Kind:
    """Open an image of any kind as the model's training opened its own."""
    prepared = model.preprocessing
    return opened(image, model.source.channels, background or prepared.get("background"), convert=prepared.get("channels") is not None)


def padded(model: Model, pixels: Tensor, target: Tensor | None, to: str | None, source: str | None, seed: int) -> Tensor:
    """Translate [B, C, H, W] of any size: reflected to a multiple of the networks' stride, twice it at least, and cropped back.

    An image that networks draw larger or smaller than their input is cropped in that proportion.
    """
    multiple = math.lcm(*(int(getattr(module, "multiple", 1)) for module in model.nets.modules()))
    height, width = pixels.shape[-2:]
    least = 2 * multiple if multiple > 1 else 1
    down, right = max(least, height + -height % multiple) - height, max(least, width + -width % multiple) - width
    mode = "reflect" if down < height and right < width else "replicate"
    whole = F.pad(pixels, (0, right, 0, down), mode=mode) if down or right else pixels
    source_name, target_name = _route(model, to, source)
    draws = Draws(("translate", seed), device=pixels.device)
    style = model.nets.style
    translation = Translation(
        model.nets,
        draws,
        real=whole,
        source=_domain(model, source_name, pixels),
        target=target if target is not None else _domain(model, target_name, pixels),
        source_name=source_name,
        target_name=target_name,
        style=draws.normal("style", (len(pixels), *style.shape)) if style else None,
        learning=False,
    )
    fake = translation.fake
    kept = (round(height * fake.shape[-2] / whole.shape[-2]), round(width * fake.shape[-1] / whole.shape[-1]))
    return fake[..., : kept[0], : kept[1]]


def _domain(model: Model, name: str | None, pixels: Tensor) -> Tensor | None:
    """Return the label [B, D] of a domain that has nets of its own, as its plan gives it in training."""
    return None if name is None else one_hot(name, model.domain, len(pixels), pixels)


def _told(model: Model, pixels: Tensor) -> Tensor | None:
    """Return what the critic says of the source; None where there is none, or its weights were never trained."""
    random = not model.round and "discriminator" in model.preprocessing.get("untrained", ())
    if "discriminator" not in model.nets.slots or random:
        return None
    return _verdict(model, pixels, "discriminator").domain


def _verdict(model: Model, pixels: Tensor, by: str) -> Verdict:
    critic = model.slot(by)
    if getattr(critic, "fixed_size", False):
        pixels = framed(pixels, model.image, model.preprocessing)
    try:
        verdict: Verdict = critic(pixels)
    except TypeError as error:
        reads = ", ".join(model.nets.reads(by))
        raise OptionError(f'The critic "{by}" also needs {reads}; call model.slot("{by}") with them.') from error
    return verdict


def _route(model: Model, to: str | None, source: str | None) -> tuple[str | None, str | None]:
    if model.takes == "sampled":
        raise OptionError(f'"{model.recipe.name}" draws images from noise and translates none.')
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
    words = [re.sub(r'[/\\:*?"<>|\s]+', "_", word) for word in words]
    suffix = path.suffix if path.suffix.lower() in (".png", ".tif", ".tiff", ".npy") else ".png"
    return path.with_name(f"{path.stem}.{'.'.join(words)}{suffix}")
