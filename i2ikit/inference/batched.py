"""Drawing translations of images of any size: padded to the networks' stride, whole or in tiles, once or with several styles."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from torch import Tensor

from i2ikit.core.plans import one_hot
from i2ikit.core.random_streams import RandomStreams
from i2ikit.core.translation import NON_TRANSLATOR_ROLES, Translation
from i2ikit.inference.padding import get_size_constraints, pad_image
from i2ikit.inference.tiles import measure_reach, run_in_tiles

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@frozen
class Request:
    """What is asked of each image.

    Attributes:
        target_label: The label [B, D], where there are labels.
        source_name, target_name: Domains with nets of their own, or None.
        seed: Of what is drawn.
        style: Styles [B, S] or [B, V, S] in place of drawn ones.
    """

    target_label: Tensor | None
    source_name: str | None
    target_name: str | None
    seed: int
    style: Tensor | None = None

    def translation(self, model: Model, pixels: Tensor, *, requires_grad: bool = False) -> Translation:
        """Return the translation of images [B, C, H, W]."""
        streams = RandomStreams(("translate", self.seed), device=pixels.device)
        style = self.style
        if style is None and model.nets.style is not None:
            style = streams.normal("style", (len(pixels), *model.nets.style.shape))
        return Translation(
            model.nets,
            streams,
            real=pixels,
            source_label=_label(model, self.source_name, pixels),
            target_label=self.target_label.to(pixels) if self.target_label is not None else _label(model, self.target_name, pixels),
            source_name=self.source_name,
            target_name=self.target_name,
            style=None if style is None else style.to(pixels),
            requires_grad=requires_grad,
        )


def generate(model: Model, pixels: Tensor, request: Request, samples: int, tile: int | None) -> Iterator[Tensor]:
    """Give the translations of images [B, C, H, W] for the seeds that begin with the request's, each of the size of the images.

    Images are reflected to a multiple of the networks' stride, twice it at least where a network does not say ``min_size``, and cropped
    back; what networks draw larger or smaller than their input is cropped in that proportion.
    """
    multiple, least = get_size_constraints(model)
    height, width = pixels.shape[-2:]
    whole = pad_image(pixels, multiple, least)
    requests = [evolve(request, seed=request.seed + number) for number in range(samples)]
    if tile is None or max(whole.shape[-2:]) <= tile:
        fakes = _from_one_code(model, whole.to(model.device), requests)
    else:
        fakes = _in_tiles(model, whole, requests, tile, multiple, least)
    for fake in fakes:
        kept = (round(height * fake.shape[-2] / whole.shape[-2]), round(width * fake.shape[-1] / whole.shape[-1]))
        yield fake[..., : kept[0], : kept[1]]


def _from_one_code(model: Model, pixels: Tensor, requests: list[Request]) -> Iterator[Tensor]:
    """Encode once where encoding draws nothing: what differs between samples comes after it."""
    first: Translation | None = None
    for request in requests:
        translation = request.translation(model, pixels)
        translation.same_source_as, first = first, first or translation
        yield translation.fake


def _in_tiles(model: Model, pixels: Tensor, requests: list[Request], tile: int, multiple: int, least: int) -> Iterator[Tensor]:
    def look(image: Tensor) -> Tensor:
        row = evolve(requests[0], target_label=_first(requests[0].target_label), style=_first(requests[0].style))
        return row.translation(model, image, requires_grad=True).fake

    reach = measure_reach(look, pixels.shape[1], multiple, least, model.device)
    drawing = model.nets.draws_random_numbers(name for name, role in model.nets.roles.items() if role not in NON_TRANSLATOR_ROLES)
    if reach is None:
        warnings.warn(
            "The tiles do not equal the whole image: these networks look at all of it (norms over all pixels, pooling, or a reach as wide "
            "as a tile). Larger tiles come closer.",
            stacklevel=5,
        )
    elif drawing:
        warnings.warn("The tiles do not equal the whole image: these networks draw noise for each tile.", stacklevel=5)
    for request in requests:
        yield run_in_tiles(functools.partial(_fake, model, request), pixels, tile, multiple, reach, model.device)


def _fake(model: Model, request: Request, pixels: Tensor) -> Tensor:
    return request.translation(model, pixels).fake


def _first(rows: Tensor | None) -> Tensor | None:
    return None if rows is None else rows[:1]


def _label(model: Model, name: str | None, pixels: Tensor) -> Tensor | None:
    """Return the label [B, D] of a domain that has nets of its own, as its plan gives it in training."""
    return None if name is None else one_hot(name, model.domain, len(pixels), pixels)
