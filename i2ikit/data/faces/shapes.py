"""Signed distances to the shapes a face is made of: negative inside, in the units of the coordinates.

Only operations that IEEE 754 steps exactly (+, -, *, /, sqrt, min, max, floor) are used on pixels. A fused or vectorised sine
would give the last bits of a pixel by its place in memory, and a face must not depend on the batch that it is drawn in.
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
    level = (u * u + v * v).add_(1e-4).sqrt_()  # the small number keeps the centre well inside
    u, v = u / width, v / height
    slope = (u * u + v * v).add_(1e-4 / (width * height)).sqrt_()
    return level * (level - 1.0) / slope


def box(x: Tensor, y: Tensor, width: Number, height: Number, radius: Number) -> Tensor:
    """Return the distance to a box of half sides ``width`` and ``height`` with rounded corners."""
    u, v = x.abs() - width + radius, y.abs() - height + radius
    return length(u.clamp_min(0), v.clamp_min(0)) + torch.maximum(u, v).clamp_max(0) - radius


def line(x: Tensor, y: Tensor, start: tuple[Number, Number], end: tuple[Number, Number]) -> Tensor:
    """Return the distance to the line from ``start`` to ``end``."""
    across, down = end[0] - start[0], end[1] - start[1]
    u, v = x - start[0], y - start[1]
    along = ((u * across + v * down) / (across * across + down * down)).clamp_(0, 1)
    return length(u - along * across, v - along * down)


def union(first: Tensor, second: Tensor, blend: Number) -> Tensor:
    """Return the union of two shapes whose seam is rounded over the length ``blend``."""
    near = (blend - (first - second).abs()).clamp_min_(0) / blend
    return torch.minimum(first, second) - near * near * (blend * 0.25)


def wave(turns: Tensor) -> Tensor:
    """Return a sine made of parabolas: period 1, in -1..1."""
    part = turns - (turns + 0.5).floor_()
    return part * (8.0 - 16.0 * part.abs())


def fade(distance: Tensor, reach: Number) -> Tensor:
    """Return 1 at distance 0 and below, falling smoothly to 0 at ``reach``."""
    part = (1.0 - distance / reach).clamp_(0, 1)
    return part * part * (3.0 - 2.0 * part)
