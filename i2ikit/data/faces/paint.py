"""What a layer of the drawing leaves on the canvas: colour, a line, or the number of a part. One drawing serves all three."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from i2ikit.data.faces.palette import PARTS

Window = tuple[slice, slice]
INK = 0.12  # the darkness of a line; pure black looks harsh at thumbnail size


class Painter(Protocol):
    """Takes the layers of a drawing from back to front."""

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        """Paint one shape and return its coverage [B, h, w] in 0..1.

        Args:
            window: The rows and columns that the layer can reach.
            distance: The signed distance to the shape [B, h, w].
            pixel: The side of a pixel in the units of the distance [B, 1, 1].
            colour: RGB in 0..1, [B, 3].
            part: The segment that the shape belongs to.
            ink: How a line drawing shows it: 0 as an outline, above 0 filled that dark, None not at all.
        """

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Mix in a colour by ``amount`` [B, h, w] in 0..1: light, shadow, blush."""


def coverage(distance: Tensor, pixel: Tensor) -> Tensor:
    """Return how much of each pixel a shape covers, 0..1."""
    return (0.5 - distance / pixel).clamp_(0, 1)


class ColourPainter:
    """Paints the picture [B, 3, H, W] in 0..1."""

    def __init__(self, count: int, height: int, width: int, device: torch.device) -> None:
        self.canvas = torch.zeros(count, 3, height, width, device=device)

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        cover = coverage(distance, pixel)
        self.shade(window, cover, colour)
        return cover

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        view = self.canvas[:, :, window[0], window[1]]
        view += (colour[:, :, None, None] - view).mul_(amount.unsqueeze(1))  # no lerp: it is fused on some pixels only


class SketchPainter:
    """Draws lines [B, 1, H, W] in 0..1, dark on white."""

    def __init__(self, count: int, height: int, width: int, device: torch.device, thickness: float = 0.022) -> None:
        self.canvas = torch.ones(count, 1, height, width, device=device)
        self.thickness = thickness

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        cover = coverage(distance, pixel)
        if ink is None:
            return cover
        view = self.canvas[:, 0, window[0], window[1]]
        view += (1.0 - ink * (1.0 - INK) - view).mul_(cover)
        if ink > 0.8:  # dark shapes need no outline, which would fatten brows and frames
            return cover
        half = (pixel * 0.5).clamp_min(self.thickness * 0.5)
        view += (INK - view).mul_(coverage(distance.abs() - half, pixel))
        return cover

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Leave light and shadow out."""


class SegmentPainter:
    """Writes part numbers [B, H, W], indices into ``PARTS``."""

    def __init__(self, count: int, height: int, width: int, device: torch.device) -> None:
        self.canvas = torch.zeros(count, height, width, dtype=torch.int64, device=device)

    def fill(self, window: Window, distance: Tensor, pixel: Tensor, colour: Tensor, part: str, ink: float | None) -> Tensor:
        self.canvas[:, window[0], window[1]].masked_fill_(distance < 0, PARTS.index(part))
        return coverage(distance, pixel)

    def shade(self, window: Window, amount: Tensor, colour: Tensor) -> None:
        """Leave light and shadow out."""
