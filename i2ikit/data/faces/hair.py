"""Layers of hair and hat; the seven hair styles are rows of shape parameters."""

from __future__ import annotations

import torch
from attrs import astuple, fields, frozen

from i2ikit.data.faces import palette
from i2ikit.data.faces.identity import STYLES
from i2ikit.data.faces.scene import Patch, Scene
from i2ikit.data.faces.shapes import box, ellipse, fade, length, union, wave


@frozen
class HairStyle:
    """Shape parameters of a hair style; lengths in head units, y downwards."""

    cap_width: float = 0.52
    cap_height: float = 0.52
    cap_y: float = -0.16
    curtain: float = 0.0  # half width of the hair behind the shoulders
    end: float = 0.0  # lower end of the hair behind the shoulders
    waves: float = 0.0
    curls: float = 0.0
    bun: float = 0.0
    open_width: float = 0.43  # width of the opening for the face
    open_height: float = 0.62
    fringe: float = -0.4  # position of the hairline at the parting
    slope: float = 0.0
    bend: float = 0.0  # positive curves the hairline downwards on both sides
    part: float = 0.0  # positive slopes the hairline downwards on both sides
    parting: float = 0.0
    front: float = 0.02  # lower end of the hair in front of the ears


HAIR_STYLES: dict[str, HairStyle] = {
    "crop": HairStyle(cap_width=0.5, cap_height=0.5, fringe=-0.4, bend=0.25, waves=0.3, front=0.0),
    "quiff": HairStyle(cap_width=0.5, cap_height=0.56, cap_y=-0.19, fringe=-0.42, slope=0.28, bend=0.3, parting=-0.12, front=0.04),
    "bob": HairStyle(cap_width=0.58, cap_height=0.56, cap_y=-0.14, curtain=0.57, end=0.42, open_width=0.385, fringe=-0.25, bend=0.35,
                     front=0.42),
    "long": HairStyle(cap_width=0.55, cap_height=0.54, curtain=0.55, end=0.95, open_width=0.4, fringe=-0.5, part=0.55, parting=0.06,
                      front=0.95),
    "curly": HairStyle(cap_width=0.62, cap_height=0.58, cap_y=-0.2, curtain=0.6, end=0.22, curls=1.0, fringe=-0.36, bend=0.3, front=0.12),
    "bun": HairStyle(cap_width=0.49, cap_height=0.5, bun=0.17, fringe=-0.47, bend=0.7, front=-0.02),
    "wavy": HairStyle(cap_width=0.56, cap_height=0.56, curtain=0.56, end=0.8, waves=1.0, open_width=0.4, fringe=-0.42, slope=0.34, bend=0.4,
                      parting=-0.14, front=0.8),
}  # fmt: skip
_TABLE = torch.tensor([astuple(HAIR_STYLES[name]) for name in STYLES])
BRIM = -0.39


class Hair:
    """The hair of B faces as distances on ``patch``: ``outer`` is all hair, ``front`` the hair in front of the face."""

    def __init__(self, scene: Scene, patch: Patch) -> None:
        rows = _TABLE.to(scene.device)[scene.identities.style]
        style = {each.name: rows[:, index, None, None] for index, each in enumerate(fields(HairStyle))}
        x, y = patch.x, patch.y
        side = scene.get("parting")
        self.patch, self.scene = patch, scene
        self.back_x = x + 0.1 * scene.sin
        self.curls = style["curls"]
        self.cap_width, self.cap_height, self.cap_y = (
            style["cap_width"] + scene.get("volume"),
            style["cap_height"] + scene.get("volume"),
            style["cap_y"],
        )
        sway = wave(y * 2.6 + 0.2) * (style["waves"] * (style["curtain"] > 0) * 0.028)
        cap = ellipse(self.back_x, y - self.cap_y, self.cap_width * (1.0 + 0.08 * scene.sin), self.cap_height)
        bob = (wave(x * 2.9 + 0.1) * wave(y * 3.1 - 0.2)).mul_(0.045) + wave(x * 4.2 - y * 2.1).mul_(0.008)
        end = style["end"] + scene.get("length") * (style["end"] > 0.3)
        reach = (end - self.cap_y) * 0.5
        curtain = box(self.back_x, y - (end + self.cap_y) * 0.5, style["curtain"] + scene.get("volume"), reach.clamp_min(0.2), 0.2) + sway
        outer = torch.where(style["curtain"] > 0, union(cap, curtain, 0.15), cap) + bob * self.curls
        bun = length(self.back_x - 0.04 * side, y + 0.76) - style["bun"]
        outer = torch.where(style["bun"] > 0, union(outer, bun, 0.05), outer)
        face_x = x - 0.26 * scene.sin
        u = face_x * side - style["parting"]
        # The hair colour must be visible below a hat: short hair gets a fringe below the brim and longer sides.
        fringe = torch.where(scene.hat > 0, style["fringe"].clamp_min(BRIM + 0.13), style["fringe"])
        line = fringe + style["slope"] * u + style["bend"] * u * u + style["part"] * u.abs() - y
        line = line + wave(u * 4.0) * (style["waves"] * 0.016) + bob * self.curls
        opening = (
            ellipse(face_x, (y - 0.14).clamp_max(0), style["open_width"] * (1.0 - 0.12 * scene.sin), style["open_height"]) + sway * 0.6
        )
        shown = torch.maximum(opening, line)
        hidden = scene.hat * 9.0 - 9.0 + (BRIM - 0.03 - y) - 0.1 * x * x  # far below 0 without a hat, so that no hair is hidden
        self.outer = torch.maximum(outer, hidden)
        self.front = torch.maximum(
            torch.maximum(outer, -shown),
            torch.maximum(y - style["front"] - 0.06 * scene.hat - scene.get("length") * (style["end"] > 0.3), hidden),
        )

    def paint_back(self) -> None:
        """Paint the hair behind neck and face, darker than the hair in front."""
        cover = self.patch.fill(self.outer, self.scene.hair * 0.8, "hair")
        self.patch.shade(cover * fade(-self.outer, 0.3) * 0.1, self.scene.hair)

    def paint_front(self) -> None:
        """Paint the hair in front of the face, with strands, a lit side and a band of gloss."""
        scene, patch = self.scene, self.patch
        cover = patch.fill(self.front, scene.hair, "hair")
        x, y = self.back_x, patch.y
        light = scene.get("light")
        strand = wave(x * (5.5 - 2.2 * y) + 0.5 * y).add_(wave(x * 11.0 - y * 1.5)).mul_(0.06).add_(0.12)
        away = (0.42 + 0.75 * x * light + 0.35 * y).clamp_(0, 1) * 0.42
        patch.shade(cover * (strand + away).clamp_(0, 1), scene.hair * 0.5)
        arc = length(x / self.cap_width, (y - self.cap_y) / self.cap_height) - 0.76
        tooth = wave(x * 7.0) * 0.025
        band = fade((arc + tooth).abs() - 0.035, 0.07) * fade((x + 0.2 * light).abs() - 0.06, 0.22) * fade(y + 0.2, 0.2)
        patch.shade(band.mul_(cover).mul_(0.5), 0.3 * scene.hair + 0.7)


def paint_hat(scene: Scene) -> None:
    """Paint a knitted hat, on the faces that have one."""
    patch = scene.get_head_patch(top=-1.0, bottom=0.05)
    x, y = patch.x + 0.04 * scene.sin, patch.y
    away = (1.0 - scene.hat) * 9.0
    light = scene.get("light")
    colour, trim = scene.identities.clothes, scene.identities.trim
    ball = length(x, y + 0.86) - 0.1 + away + wave(x * 14.0 + 0.2) * wave(y * 13.0) * 0.012
    cover = patch.fill(ball, trim, "hat")
    patch.shade(cover * (0.4 + 2.5 * x * light + 2.0 * (y + 0.86)).clamp(0, 1) * 0.4, trim * 0.5)
    crown = torch.maximum(ellipse(x, y + 0.36, 0.54, 0.47), y + 0.36) + away
    cover = patch.fill(crown, colour, "hat")
    rib = wave(x * (6.0 + 3.0 * y * y)) * 0.06
    patch.shade(cover * (rib + (0.16 + 0.7 * x * light).clamp_(0, 1) * 0.5).clamp_(0, 1), colour * 0.5)
    gloss = fade(ellipse(x + 0.24 * light, y + 0.56, 0.1, 0.14), 0.12)
    patch.shade(cover * gloss * 0.22, scene.get_colour(palette.WHITE))
    bowed = y - BRIM - 0.1 * x * x
    band = box(x, bowed, 0.55, 0.08, 0.06) + away
    cover = patch.fill(band, trim, "hat")
    patch.shade(cover * (wave(x * 11.0) * 0.1 + (0.16 + 0.7 * x * light).clamp_(0, 1) * 0.5).clamp_(0, 1), trim * 0.5)
