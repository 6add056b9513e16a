"""The views of a face: image, profile, line drawing, segments, low resolution, masked."""

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
TURN = 0.52  # turn of the head in the view "profile", in radians: a three-quarter view
REDUCTION = 4  # factor of the view "low"
_CHUNK = 1 << 18  # pixels drawn at once: with fewer, the overhead of operations dominates; with more, they do not fit into the CPU cache


def draw_faces(identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, view: str = "image") -> Tensor:
    """Draw B faces.

    Every pixel value is one of 256 levels, so that 8-bit files store it exactly.

    Args:
        identities: The identity of each face.
        rows: For each face, the value of every attribute of ``FACES``.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        view: One of ``VIEWS``. "frontal" equals "image"; "profile" turns the head to its left; "sketch" has one channel;
            "low" has a quarter of the height and width, rounded up; "masked" is grey (0) where :func:`make_erase_mask` is 1.

    Returns:
        Images [B, 3, H, W] ([B, 1, H, W] for "sketch"), float32 in [-1, 1].

    Raises:
        UnknownNameError: The view or an attribute value does not exist.
        OptionError: A size is below 1, an attribute is missing, or the numbers of rows and identities differ.
    """
    if view not in VIEWS:
        raise UnknownNameError("view of a face", view, VIEWS)
    if view == "segments":
        colours = rgb(tuple(colour for _, colour in SEGMENTS)).to(identities.scale.device)
        return _quantise(colours[draw_segments(identities, rows, height, width)].permute(0, 3, 1, 2).contiguous())
    painter = SketchPainter if view == "sketch" else ColourPainter
    image = _paint(painter, identities, rows, height, width, TURN if view == "profile" else 0.0)
    if view == "low":
        size = (-(-height // REDUCTION), -(-width // REDUCTION))
        image = functional.adaptive_avg_pool2d(image, size)
    image = _quantise(image)
    return image * (1.0 - make_erase_mask(identities, height, width)) if view == "masked" else image


def draw_segments(identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int) -> Tensor:
    """Return the segment map of B faces: for each pixel an index into ``PARTS``, int64 [B, H, W]."""
    return _paint(SegmentPainter, identities, rows, height, width, 0.0)


def make_erase_mask(identities: Identities, height: int, width: int) -> Tensor:
    """Return the mask of the view "masked": 1 where the image is erased, else 0, float32 [B, 1, H, W]."""
    left, top, across, down = (identities.hole[:, column, None, None] for column in range(4))
    device = identities.hole.device
    x = ((torch.arange(width, device=device) + 0.5) * (1.0 / width)).view(1, 1, -1)
    y = ((torch.arange(height, device=device) + 0.5) * (1.0 / height)).view(1, -1, 1)
    inside = (x >= left) & (x < left + across) & (y >= top) & (y < top + down)
    return inside.unsqueeze(1).float()


def _paint(
    painter: type[ColourPainter | SketchPainter | SegmentPainter],
    identities: Identities,
    rows: Sequence[Mapping[str, str]],
    height: int,
    width: int,
    turn: float,
) -> Tensor:
    if height < 1 or width < 1:
        raise OptionError(f"height and width must be at least 1; found {height} and {width}.")
    if len(rows) != len(identities):
        raise OptionError(f"Each face requires one row of attribute values; found {len(rows)} rows for {len(identities)} faces.")
    for row in rows:
        _check_row(row)
    chunk = max(1, _CHUNK // (height * width))
    parts = []
    with torch.no_grad():
        for start in range(0, max(len(rows), 1), chunk):
            selected = identities.select(slice(start, start + chunk))
            canvas_painter = painter(len(selected), height, width, identities.scale.device)
            if len(selected):
                _paint_layers(Scene(selected, rows[start : start + chunk], height, width, canvas_painter, turn=turn))
            parts.append(canvas_painter.canvas)
    return torch.cat(parts)


def _paint_layers(scene: Scene) -> None:
    """Paint all layers from back to front."""
    hair_painter = hair.Hair(scene, scene.get_head_patch())
    figure.paint_background(scene)
    hair_painter.paint_back()
    figure.paint_body(scene)
    figure.paint_ears(scene)
    figure.paint_face(scene, hair_painter)
    figure.paint_ears(scene, near=True)
    features.paint_nose(scene)
    features.paint_mouth(scene)
    features.paint_eyes(scene)
    hair_painter.paint_front()
    features.paint_brows(scene)
    features.paint_glasses(scene)
    hair.paint_hat(scene)


def _quantise(image: Tensor) -> Tensor:
    """Round values in 0..1 to 256 levels and return them in [-1, 1]."""
    return image.mul(255.0).round_().div_(127.5).sub_(1.0)


def _check_row(row: Mapping[str, str]) -> None:
    for attribute in FACES.attributes:
        if attribute.name not in row:
            raise OptionError(
                f'A face requires a value of "{attribute.name}"; found {dict(row)}. Available: {", ".join(attribute.choices)}.'
            )
        if row[attribute.name] not in attribute.choices:
            raise UnknownNameError(f'value of "{attribute.name}"', row[attribute.name], attribute.choices)
