"""Generate translations of images of any size: padded to the networks' stride, whole or in tiles, with one or several styles."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from torch import Tensor

from i2ikit.core.memo import share_views
from i2ikit.core.plans import one_hot
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.translation import Translation
from i2ikit.inference.padding import get_size_constraints, pad_image
from i2ikit.inference.tiles import measure_reach, run_in_tiles

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@frozen
class Request:
    """A requested translation, the same for all images of a batch but for label and style.

    Attributes:
        target_label: The label [B, D] of the translation; None for models without labels.
        source_name, target_name: The domains, for models with domains; else None.
        seed: The seed of all random draws.
        style: Styles [B, S] or [B, V, S]; None draws them from the prior.
        source_label: The label [B, D] of the source images, for models with labels whose encoder uses it; None if it is not known.
    """

    target_label: Tensor | None
    source_name: str | None
    target_name: str | None
    seed: int
    style: Tensor | None = None
    source_label: Tensor | None = None

    def make_translation(self, model: Model, pixels: Tensor, *, requires_grad: bool = False) -> Translation:
        """Make the translation of images [B, C, H, W] in [-1, 1]."""
        streams = RandomStreams(("translate", self.seed), device=pixels.device)
        style = self.style
        if style is None and model.nets.style is not None:
            style = streams.normal("style", (len(pixels), *model.nets.style.shape))
        return Translation(
            model.nets,
            streams,
            real=pixels,
            source_label=_find_label(model, self.source_label, self.source_name, pixels),
            target_label=_find_label(model, self.target_label, self.target_name, pixels),
            source_name=self.source_name,
            target_name=self.target_name,
            style=None if style is None else style.to(pixels),
            requires_grad=requires_grad,
        )


def generate(model: Model, pixels: Tensor, request: Request, samples: int, tile: int | None) -> Iterator[Tensor]:
    """Yield the translations of images [B, C, H, W] in [-1, 1], one for each seed from the request's seed on.

    Images are padded by reflection to a multiple of the networks' stride, and to twice that stride at least unless a network declares
    ``min_size``. The translations are cropped back. If the networks change the size, the crop is scaled by the same factor.
    """
    size_multiple, min_size = get_size_constraints(model)
    height, width = pixels.shape[-2:]
    whole = pad_image(pixels, size_multiple, min_size)
    requests = [evolve(request, seed=request.seed + number) for number in range(samples)]
    if tile is None or max(whole.shape[-2:]) <= tile:
        fakes = _generate_whole(model, whole.to(model.device), requests)
    else:
        fakes = _generate_in_tiles(model, whole, requests, tile, size_multiple, min_size)
    for fake in fakes:
        crop = (round(height * fake.shape[-2] / whole.shape[-2]), round(width * fake.shape[-1] / whole.shape[-1]))
        yield fake[..., : crop[0], : crop[1]]


def _generate_whole(model: Model, pixels: Tensor, requests: list[Request]) -> Iterator[Tensor]:
    """Translate whole images; the code is computed once for all samples unless the encoder draws random numbers."""
    translations = [request.make_translation(model, pixels) for request in requests]
    for translation in translations:
        translation.source_label = translations[0].source_label  # translations with equal sources and labels share the code
    share_views(translations)
    while translations:
        yield translations.pop(0).fake


def _generate_in_tiles(
    model: Model, pixels: Tensor, requests: list[Request], tile: int, size_multiple: int, min_size: int
) -> Iterator[Tensor]:
    def translate_one(image: Tensor) -> Tensor:
        first = requests[0]
        target_label, source_label, style = map(_take_first, (first.target_label, first.source_label, first.style))
        row = evolve(first, target_label=target_label, source_label=source_label, style=style)
        return row.make_translation(model, image, requires_grad=True).fake

    reach = measure_reach(translate_one, pixels.shape[1], size_multiple, min_size, model.device)
    is_random = model.nets.is_stochastic(model.nets.translator_slots)
    if reach is None:
        warnings.warn(
            "The result in tiles differs from that of the whole image: an output pixel of these networks depends on all of the image "
            "(norms over all pixels, pooling, or a receptive field as large as a tile). Use larger tiles for a closer result.",
            stacklevel=5,
        )
    elif is_random:
        warnings.warn(
            "The result in tiles differs from that of the whole image: these networks draw new noise for each tile.", stacklevel=5
        )
    for request in requests:
        yield run_in_tiles(functools.partial(_translate, model, request), pixels, tile, size_multiple, reach, model.device)


def _translate(model: Model, request: Request, pixels: Tensor) -> Tensor:
    return request.make_translation(model, pixels).fake


def _take_first(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows[:1]


def _find_label(model: Model, label: Tensor | None, name: str | None, pixels: Tensor) -> Tensor | None:
    """Return a label [B, D]: the given one, or that of a domain, as its plan gives it in training; None if there is neither."""
    if label is not None:
        return label.to(pixels)
    return None if name is None else one_hot(name, model.domain, len(pixels), pixels)
