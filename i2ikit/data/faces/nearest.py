"""Attributes of an image of a face, predicted by comparing it with drawings of every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from i2ikit.data.faces.identity import FACES, Identities
from i2ikit.data.faces.views import draw_faces
from i2ikit.errors import OptionError


def find_nearest_values(
    images: Tensor, identities: Identities, rows: Sequence[Mapping[str, str]], *, names: Sequence[str] | None = None, view: str = "image"
) -> list[dict[str, str]]:
    """Return for each image and attribute the value whose drawing has the smallest mean squared error.

    One attribute is changed at a time; the others have the values of ``rows``.

    Args:
        images: Images of faces [B C H W] in [-1, 1], such as translations.
        identities: The identities of the faces.
        rows: The expected attribute values of each image, such as the target values of a translation.
        names: The attributes to predict; the default is all.
        view: The view of the images.

    Raises:
        OptionError: The numbers of images, identities and rows differ.
        UnknownNameError: Faces do not have an attribute.
    """
    if not len(images) == len(identities) == len(rows):
        raise OptionError(
            f"Each image requires one identity and one row; found {len(images)} images, {len(identities)} identities and {len(rows)} rows."
        )
    height, width = images.shape[2:]
    expected_errors = _compute_errors(images, identities, rows, height, width, view)
    found: list[dict[str, str]] = [{} for _ in rows]
    for attribute in map(FACES.attribute, names if names is not None else [each.name for each in FACES.attributes]):
        errors = torch.full((len(rows), len(attribute.choices)), float("inf"), device=images.device)
        for column, value in enumerate(attribute.choices):
            same = torch.tensor([row[attribute.name] == value for row in rows], device=images.device)
            errors[same, column] = expected_errors[same]
            others = (~same).nonzero().flatten()
            if len(others):
                changed = [{**rows[index], attribute.name: value} for index in others.tolist()]
                errors[others, column] = _compute_errors(images[others], identities.select(others), changed, height, width, view)
        for row, column in zip(found, errors.argmin(dim=1).tolist(), strict=True):
            row[attribute.name] = attribute.choices[column]
    return found


def _compute_errors(
    images: Tensor, identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, view: str
) -> Tensor:
    """Return the mean squared error between images and drawings [B]."""
    return (images - draw_faces(identities, rows, height, width, view)).square().mean(dim=(1, 2, 3))
