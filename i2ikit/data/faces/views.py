"""The pictures that can be had of a face: image, line drawing, segments, turned, low resolution, masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from i2ikit.data.faces import features, figure, hair
from i2ikit.data.faces.identity import FACES, Identities
from i2ikit.data.faces.paint import ColourPainter, SegmentPainter, SketchPainter
from i2ikit.data.faces.palette import SEGMENTS, rgb
from i2ikit.data.faces.scene import Scene
from i2ikit.errors import OptionError, UnknownNameError

VIEWS = ("image", "frontal", "profile", "sketch", "segments", "low", "masked")
TURN = 0.52  # radians, a three-quarter view
REDUCTION = 4
_CHUNK = 1 << 18  # pixels drawn at once: fewer and the cost of starting operations rules, more and they leave the cache


def draw(identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, view: str = "image") -> Tensor:
    """Draw B faces.

    Every pixel value is a multiple of 1/255 of the range, so that writing 8 bits loses nothing.

    Args:
        identities: Who is drawn.
        rows: A value for every attribute of ``FACES`` per face.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
        view: One of ``VIEWS``. "frontal" equals "image"; "profile" is the head turned to its left; "sketch" has one channel;
            "low" has a quarter of the height and width, rounded up; "masked" is grey (0) where ``erased`` is 1.

    Returns:
        float32 in [-1, 1], [B, 3, H, W] ([B, 1, H, W] for "sketch").

    Raises:
        UnknownNameError: The view, an attribute or a value does not exist.
        OptionError: A size below 1, or not one row per identity.
    """
    if view not in VIEWS:
        raise UnknownNameError("view of a face", view, VIEWS)
    if view == "segments":
        colours = rgb(tuple(colour for _, colour in SEGMENTS)).to(identities.scale.device)
        return _levels(colours[segment_map(identities, rows, height, width)].permute(0, 3, 1, 2).contiguous())
    painter = SketchPainter if view == "sketch" else ColourPainter
    picture = _draw(painter, identities, rows, height, width, TURN if view == "profile" else 0.0)
    if view == "low":
        size = (-(-height // REDUCTION), -(-width // REDUCTION))
        picture = functional.adaptive_avg_pool2d(picture, size)
    picture = _levels(picture)
    return picture * (1.0 - erased(identities, height, width)) if view == "masked" else picture


def segment_map(identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int) -> Tensor:
    """Return the part that each pixel shows as an index into ``PARTS``, int64 [B, H, W]."""
    return _draw(SegmentPainter, identities, rows, height, width, 0.0)


def erased(identities: Identities, height: int, width: int) -> Tensor:
    """Return 1 where the view "masked" is erased, else 0, float32 [B, 1, H, W]."""
    left, top, across, down = (identities.hole[:, place, None, None] for place in range(4))
    device = identities.hole.device
    x = ((torch.arange(width, device=device) + 0.5) * (1.0 / width)).view(1, 1, -1)
    y = ((torch.arange(height, device=device) + 0.5) * (1.0 / height)).view(1, -1, 1)
    inside = (x >= left) & (x < left + across) & (y >= top) & (y < top + down)
    return inside.unsqueeze(1).float()


def _draw(
    painter: type[ColourPainter | SketchPainter | SegmentPainter],
    identities: Identities,
    rows: Sequence[Mapping[str, str]],
    height: int,
    width: int,
    turn: float,
) -> Tensor:
    if height < 1 or width < 1:
        raise OptionError(f"A face is drawn at 1 by 1 pixels or more; asked for {height} by {width}.")
    if len(rows) != len(identities):
        raise OptionError(f"Each face needs one row of attributes; found {len(rows)} rows for {len(identities)} faces.")
    for row in rows:
        _check(row)
    chunk = max(1, _CHUNK // (height * width))
    parts = []
    with torch.no_grad():
        for start in range(0, max(len(rows), 1), chunk):
            who = identities.select(slice(start, start + chunk))
            brush = painter(len(who), height, width, identities.scale.device)
            if len(who):
                _compose(Scene(who, rows[start : start + chunk], height, width, brush, turn=turn))
            parts.append(brush.canvas)
    return torch.cat(parts)


def _compose(scene: Scene) -> None:
    """Paint all layers from back to front."""
    locks = hair.Hair(scene, scene.head())
    figure.paint_background(scene)
    locks.paint_back()
    figure.paint_body(scene)
    figure.paint_ears(scene)
    figure.paint_face(scene, locks)
    figure.paint_ears(scene, near=True)
    features.paint_nose(scene)
    features.paint_mouth(scene)
    features.paint_eyes(scene)
    locks.paint_front()
    features.paint_brows(scene)
    features.paint_glasses(scene)
    hair.paint_hat(scene)


def _levels(picture: Tensor) -> Tensor:
    """Quantise 0..1 to 8 bits and return it in [-1, 1]."""
    return picture.mul(255.0).round_().div_(127.5).sub_(1.0)


def _check(row: Mapping[str, str]) -> None:
    for attribute in FACES.attributes:
        if attribute.name not in row:
            raise OptionError(f'A face needs a value for "{attribute.name}"; found {dict(row)}. One of: {", ".join(attribute.choices)}.')
        if row[attribute.name] not in attribute.choices:
            raise UnknownNameError(f'value of "{attribute.name}"', row[attribute.name], attribute.choices)
