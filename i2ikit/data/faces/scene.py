"""The frame of a drawing: pixel coordinates, the head's own coordinates under shift, tilt, scale and turn, and windows of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from i2ikit.data.faces import palette
from i2ikit.data.faces.expression import Positions
from i2ikit.data.faces.identity import Identities
from i2ikit.data.faces.paint import Painter, Window
from i2ikit.data.faces.palette import Colour, rgb

PIVOT = 0.45  # the head tilts around the top of the neck


class Patch:
    """A window of the canvas in one coordinate frame, onto which layers are painted."""

    def __init__(self, painter: Painter, window: Window, x: Tensor, y: Tensor, pixel: Tensor) -> None:
        self.painter, self.window, self.pixel = painter, window, pixel
        self.x, self.y = x, y

    def fill(self, distance: Tensor, colour: Tensor, part: str, ink: float | None = 0.0) -> Tensor:
        """Paint a shape; see :meth:`Painter.fill`."""
        return self.painter.fill(self.window, distance, self.pixel, colour, part, ink)

    def shade(self, amount: Tensor, colour: Tensor) -> None:
        """Mix in a colour; see :meth:`Painter.shade`."""
        self.painter.shade(self.window, amount, colour)


class Scene:
    """B faces that are being drawn.

    The shorter side of the canvas spans -1..1, the longer one more, so that faces keep their proportions on any canvas.

    Attributes:
        who: The identities.
        pose: The muscle positions of the expressions.
        glasses, hat: 1 where worn, else 0 [B, 1, 1].
        hair: The hair colour [B, 3].
        yaw: Sine and cosine of the turn of the head to the right.
    """

    def __init__(
        self, who: Identities, rows: Sequence[Mapping[str, str]], height: int, width: int, painter: Painter, *, turn: float = 0.0
    ) -> None:
        device = who.scale.device
        self.who, self.painter, self.height, self.width = who, painter, height, width
        self.pose = Positions([row["expression"] for row in rows], device)
        self.glasses = _flags(rows, "glasses", device)
        self.hat = _flags(rows, "hat", device)
        self.hair = rgb(tuple(palette.HAIR[row["hair"]] for row in rows)).to(device)
        self.sin, self.cos = math.sin(turn), math.cos(turn)
        self.device = device
        self.step = 2.0 / min(height, width)
        self.across = (torch.arange(width, device=device) + (0.5 - 0.5 * width)).mul(self.step).view(1, 1, -1)
        self.down = (torch.arange(height, device=device) + (0.5 - 0.5 * height)).mul(self.step).view(1, -1, 1)
        scale = self.of("scale")
        x = (self.across - self.of("shift_x")) / scale
        y = (self.down - self.of("shift_y")) / scale - PIVOT
        self.head_x = x * self.of("tilt_cos") + y * self.of("tilt_sin")
        self.head_y = y * self.of("tilt_cos") - x * self.of("tilt_sin") + PIVOT
        self.pixel = self.step / scale

    def of(self, name: str) -> Tensor:
        """Return an identity parameter as [B, 1, 1]."""
        value: Tensor = getattr(self.who, name)
        return value[:, None, None]

    def colour(self, colour: Colour) -> Tensor:
        """Return one colour for every face, [1, 3]."""
        return rgb(colour).to(self.device)[None]

    def flat(self, top: float = -math.inf) -> Patch:
        """Return the canvas below ``top`` in its own coordinates [1, h, W]."""
        window = (self._range(top, math.inf, self.height), slice(0, self.width))
        return Patch(self.painter, window, self.across, self.down[:, window[0]], torch.tensor(self.step, device=self.device))

    def head(self, left: float = -math.inf, right: float = math.inf, top: float = -math.inf, bottom: float = math.inf) -> Patch:
        """Return a window, given in canvas coordinates, in the head's coordinates. A turned head needs its full width."""
        if self.sin:
            left, right = -math.inf, math.inf
        window = (self._range(top, bottom, self.height), self._range(left, right, self.width))
        return Patch(self.painter, window, self.head_x[:, window[0], window[1]], self.head_y[:, window[0], window[1]], self.pixel)

    def turned(self, place: Tensor, depth: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return where a point of the face at ``place`` right of its middle is seen after the turn, and how much narrower it is there.

        The face is a cylinder of radius 0.48; ``depth`` above 1 lifts the point off it.
        """
        if not self.sin:
            return place, torch.ones_like(place)
        radius = 0.48
        front = (radius * radius - place * place).clamp_min(0.01).sqrt()
        seen = place * self.cos + front * (depth * self.sin)
        narrow = (front * self.cos - place * self.sin).clamp_min(0) / front
        return seen, narrow.clamp_min(0.5)

    def _range(self, low: float, high: float, size: int) -> slice:
        """Return the pixels that may hold any of low..high."""
        start = 0 if low == -math.inf else math.floor(low / self.step + 0.5 * size)
        stop = size if high == math.inf else math.ceil(high / self.step + 0.5 * size)
        return slice(min(max(start, 0), size), min(max(stop, 0), size))


def _flags(rows: Sequence[Mapping[str, str]], name: str, device: torch.device) -> Tensor:
    return torch.tensor([float(row[name] == "yes") for row in rows], device=device)[:, None, None]
