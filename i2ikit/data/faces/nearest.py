"""Reads attributes off a picture by comparing it with the true drawings of every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from i2ikit.data.faces.identity import FACES, Identities
from i2ikit.data.faces.views import draw
from i2ikit.errors import OptionError


def nearest_values(
    images: Tensor, identities: Identities, rows: Sequence[Mapping[str, str]], *, names: Sequence[str] | None = None, view: str = "image"
) -> list[dict[str, str]]:
    """Return for each attribute the value whose true drawing is nearest to the picture in L2.

    One attribute is varied at a time; the others are drawn as ``rows`` says.

    Args:
        images: Pictures of the identities [B C H W] in [-1, 1].
        identities: Who is on them.
        rows: What should be on them: the row after the change that was asked for.
        names: The attributes to read; all by default.
        view: The view that the pictures show.

    Raises:
        OptionError: Pictures, identities and rows differ in number.
        UnknownNameError: An attribute that faces do not have.
    """
    if not len(images) == len(identities) == len(rows):
        raise OptionError(
            f"Each picture needs an identity and a row; found {len(images)} pictures, {len(identities)} identities, {len(rows)} rows."
        )
    height, width = images.shape[2:]
    asked = _errors(images, identities, rows, height, width, view)
    found: list[dict[str, str]] = [{} for _ in rows]
    for attribute in map(FACES.attribute, names if names is not None else [each.name for each in FACES.attributes]):
        errors = torch.full((len(rows), len(attribute.choices)), float("inf"), device=images.device)
        for place, value in enumerate(attribute.choices):
            same = torch.tensor([row[attribute.name] == value for row in rows], device=images.device)
            errors[same, place] = asked[same]
            others = (~same).nonzero().flatten()
            if len(others):
                changed = [{**rows[index], attribute.name: value} for index in others.tolist()]
                errors[others, place] = _errors(images[others], identities.select(others), changed, height, width, view)
        for row, place in zip(found, errors.argmin(dim=1).tolist(), strict=True):
            row[attribute.name] = attribute.choices[place]
    return found


def _errors(images: Tensor, identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, view: str) -> Tensor:
    """Return the mean squared difference to the true drawings [B]."""
    return (images - draw(identities, rows, height, width, view)).square().mean(dim=(1, 2, 3))
