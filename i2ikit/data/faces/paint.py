"""Painters that turn the layers of a drawing into a colour image, a line drawing or a segment map."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from i2ikit.data.faces.palette import PARTS

Window = tuple[slice, slice]
INK = 0.12  # the darkness of a line; pure black looks harsh at thumbnail size


class Painter(Protocol):
    """Paints the layers of a drawing onto a canvas, from back to front."""

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        """Paint one shape and return its coverage [B, h, w] in 0..1.

        Args:
            window: The rows and columns that the shape can cover.
            distance: Signed distance to the shape [B, h, w], negative inside.
            pixel: Side of a pixel in the units of the distance [B, 1, 1].
            colour: RGB in 0..1, [B, 3].
            part: Name of the segment of the shape, one of ``PARTS``.
            ink: How a line drawing shows the shape: 0 as an outline, above 0 filled with this darkness, None not at all.
        """

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Blend a colour with weight ``amount`` [B, h, w] in 0..1, for light, shadow and blush."""


def compute_coverage(distance: Tensor, pixel: Tensor) -> Tensor:
    """Return the fraction of each pixel that a shape covers, 0..1."""
    return (0.5 - distance / pixel).clamp_(0, 1)


class ColourPainter:
    """Paints a colour image [B, 3, H, W] in 0..1."""

    def __init__(self, count: int, height: int, width: int, device: torch.device) -> None:
        self.canvas = torch.zeros(count, 3, height, width, device=device)

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        cover = compute_coverage(distance, pixel)
        self.shade(window, cover, colour)
        return cover

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        view = self.canvas[:, :, window[0], window[1]]
        view += (colour[:, :, None, None] - view).mul_(
            amount.unsqueeze(1)
        )  # no torch.lerp, which uses fused operations on only some pixels


class SketchPainter:
    """Paints a line drawing [B, 1, H, W] in 0..1, dark on white."""

    def __init__(self, count: int, height: int, width: int, device: torch.device, thickness: float = 0.022) -> None:
        self.canvas = torch.ones(count, 1, height, width, device=device)
        self.thickness = thickness

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        cover = compute_coverage(distance, pixel)
        if ink is None:
            return cover
        view = self.canvas[:, 0, window[0], window[1]]
        view += (1.0 - ink * (1.0 - INK) - view).mul_(cover)
        if ink > 0.8:  # an outline would make dark shapes, such as brows and frames, too thick
            return cover
        half = (pixel * 0.5).clamp_min(self.thickness * 0.5)
        view += (INK - view).mul_(compute_coverage(distance.abs() - half, pixel))
        return cover

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Do nothing: there is no light and shadow."""


class SegmentPainter:
    """Paints a segment map [B, H, W] of indices into ``PARTS``."""

    def __init__(self, count: int, height: int, width: int, device: torch.device) -> None:
        self.canvas = torch.zeros(count, height, width, dtype=torch.int64, device=device)

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        self.canvas[:, window[0], window[1]].masked_fill_(distance < 0, PARTS.index(part))
        return compute_coverage(distance, pixel)

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Do nothing: there is no light and shadow."""
