"""Signed distances to the shapes of a face: negative inside, in the units of the coordinates.

Pixels are computed only by operations that IEEE 754 defines exactly (+, -, *, /, sqrt, min, max, floor). With a fused operation or a
vectorised sine, the last bits of a pixel would depend on its place in memory, and so a face would depend on its batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

Number = Tensor | float


def length(x: Tensor, y: Tensor) -> Tensor:
    """Return the length of (x, y)."""
    return (x * x + y * y).sqrt_()


def circle(x: Tensor, y: Tensor, radius: Number) -> Tensor:
    """Return the distance to a circle around the origin."""
    return length(x, y) - radius


def ellipse(x: Tensor, y: Tensor, width: Number, height: Number) -> Tensor:
    """Return the first-order distance to an ellipse of half axes ``width`` and ``height`` around the origin."""
    u, v = x / width, y / height
    level = (u * u + v * v).add_(1e-4).sqrt_()  # the constant avoids 0 / 0 at the centre, which must be inside
    u, v = u / width, v / height
    slope = (u * u + v * v).add_(1e-4 / (width * height)).sqrt_()
    return level * (level - 1.0) / slope


def box(x: Tensor, y: Tensor, width: Number, height: Number, radius: Number) -> Tensor:
    """Return the distance to a box of half sides ``width`` and ``height`` with rounded corners."""
    u, v = x.abs() - width + radius, y.abs() - height + radius
    return length(u.clamp_min(0), v.clamp_min(0)) + torch.maximum(u, v).clamp_max(0) - radius


def line(x: Tensor, y: Tensor, start: tuple[Number, Number], end: tuple[Number, Number]) -> Tensor:
    """Return the distance to the line segment from ``start`` to ``end``."""
    across, down = end[0] - start[0], end[1] - start[1]
    u, v = x - start[0], y - start[1]
    along = ((u * across + v * down) / (across * across + down * down)).clamp_(0, 1)
    return length(u - along * across, v - along * down)


def union(first: Tensor, second: Tensor, blend: Number) -> Tensor:
    """Return the distance to the union of two shapes; their seam is rounded over the length ``blend``."""
    near = (blend - (first - second).abs()).clamp_min_(0) / blend
    return torch.minimum(first, second) - near * near * (blend * 0.25)


def wave(turns: Tensor) -> Tensor:
    """Return a wave of period 1 in -1..1, similar to a sine but made of parabolas."""
    part = turns - (turns + 0.5).floor_()
    return part * (8.0 - 16.0 * part.abs())


def fade(distance: Tensor, reach: Number) -> Tensor:
    """Return 1 up to distance 0, decreasing smoothly to 0 at distance ``reach``."""
    part = (1.0 - distance / reach).clamp_(0, 1)
    return part * part * (3.0 - 2.0 * part)
