"""Coordinates of a drawing: of the canvas, and of the head after shift, tilt, scale and turn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from i2ikit.data.faces import palette
from i2ikit.data.faces.expression import PoseTensors
from i2ikit.data.faces.identity import Identities
from i2ikit.data.faces.paint import Painter, Window
from i2ikit.data.faces.palette import Colour, rgb

PIVOT = 0.45  # y of the top of the neck, around which the head tilts


class Patch:
    """A window of the canvas with coordinates x and y, onto which layers are painted."""

    def __init__(self, painter: Painter, window: Window, x: Tensor, y: Tensor, pixel: Tensor) -> None:
        self.painter, self.window, self.pixel = painter, window, pixel
        self.x, self.y = x, y

    def fill(self, distance: Tensor, colour: Tensor, part: str, ink: float | None = 0.0) -> Tensor:
        """Paint a shape; see :meth:`Painter.fill`."""
        return self.painter.fill(self.window, distance, self.pixel, colour, part, ink)

    def shade(self, amount: Tensor, colour: Tensor) -> None:
        """Blend a colour; see :meth:`Painter.shade`."""
        self.painter.shade(self.window, amount, colour)


class Scene:
    """B faces to draw, and their coordinates.

    On the canvas, the shorter side is -1..1 and the longer side more, so that faces have the same proportions on any canvas.

    Attributes:
        identities: The identities of the faces.
        pose: The positions of brows, lids and mouth.
        glasses, hat: 1 for a face with glasses or hat, else 0 [B, 1, 1].
        hair: The hair colour [B, 3].
        sin, cos: Sine and cosine of the turn of the head to the right.
    """

    def __init__(
        self, identities: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, painter: Painter, *, turn: float = 0.0
    ) -> None:
        device = identities.scale.device
        self.identities, self.painter, self.height, self.width = identities, painter, height, width
        self.pose = PoseTensors([row["expression"] for row in rows], device)
        self.glasses = _encode_yes_no(rows, "glasses", device)
        self.hat = _encode_yes_no(rows, "hat", device)
        self.hair = rgb(tuple(palette.HAIR[row["hair"]] for row in rows)).to(device)
        self.sin, self.cos = math.sin(turn), math.cos(turn)
        self.device = device
        self.pixel_size = 2.0 / min(height, width)
        self.canvas_x = (torch.arange(width, device=device) + (0.5 - 0.5 * width)).mul(self.pixel_size).view(1, 1, -1)
        self.canvas_y = (torch.arange(height, device=device) + (0.5 - 0.5 * height)).mul(self.pixel_size).view(1, -1, 1)
        scale = self.get("scale")
        x = (self.canvas_x - self.get("shift_x")) / scale
        y = (self.canvas_y - self.get("shift_y")) / scale - PIVOT
        self.head_x = x * self.get("tilt_cos") + y * self.get("tilt_sin")
        self.head_y = y * self.get("tilt_cos") - x * self.get("tilt_sin") + PIVOT
        self.pixel = self.pixel_size / scale

    def get(self, name: str) -> Tensor:
        """Return an identity parameter as [B, 1, 1]."""
        value: Tensor = getattr(self.identities, name)
        return value[:, None, None]

    def get_colour(self, colour: Colour) -> Tensor:
        """Return one colour for every face, [1, 3]."""
        return rgb(colour).to(self.device)[None]

    def get_canvas_patch(self, top: float = -math.inf) -> Patch:
        """Return the part of the canvas below ``top``, with canvas coordinates [1, h, W]."""
        window = (self._range(top, math.inf, self.height), slice(0, self.width))
        return Patch(self.painter, window, self.canvas_x, self.canvas_y[:, window[0]], torch.tensor(self.pixel_size, device=self.device))

    def get_head_patch(self, left: float = -math.inf, right: float = math.inf, top: float = -math.inf, bottom: float = math.inf) -> Patch:
        """Return a window of the canvas, with head coordinates. The window of a turned head always has the full width."""
        if self.sin:
            left, right = -math.inf, math.inf
        window = (self._range(top, bottom, self.height), self._range(left, right, self.width))
        return Patch(self.painter, window, self.head_x[:, window[0], window[1]], self.head_y[:, window[0], window[1]], self.pixel)

    def turn_point(self, x: Tensor, depth: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return the horizontal position of a point after the turn of the head, and the width of a shape there relative to before.

        The face is a cylinder of radius 0.48.

        Args:
            x: Horizontal position of the point on the face, 0 in the middle.
            depth: 1 on the cylinder; more in front of it.
        """
        if not self.sin:
            return x, torch.ones_like(x)
        radius = 0.48
        front = (radius * radius - x * x).clamp_min(0.01).sqrt()
        position = x * self.cos + front * (depth * self.sin)
        narrow = (front * self.cos - x * self.sin).clamp_min(0) / front
        return position, narrow.clamp_min(0.5)

    def _range(self, low: float, high: float, size: int) -> slice:
        """Return the pixels that can contain a coordinate in low..high."""
        start = 0 if low == -math.inf else math.floor(low / self.pixel_size + 0.5 * size)
        stop = size if high == math.inf else math.ceil(high / self.pixel_size + 0.5 * size)
        return slice(min(max(start, 0), size), min(max(stop, 0), size))


def _encode_yes_no(rows: Sequence[Mapping[str, str]], name: str, device: torch.device) -> Tensor:
    return torch.tensor([float(row[name] == "yes") for row in rows], device=device)[:, None, None]
