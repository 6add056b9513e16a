"""What stands around the features: background, shoulders, neck, ears and the face itself."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.data.faces import palette
from i2ikit.data.faces.hair import Hair
from i2ikit.data.faces.scene import Patch, Scene
from i2ikit.data.faces.shapes import box, circle, ellipse, fade, length, union, wave


def paint_background(scene: Scene) -> None:
    """Paint a soft gradient with a lighter disc behind the head."""
    patch = scene.flat()
    colour = scene.who.background
    everything = torch.full((1, scene.height, scene.width), -9.0, device=scene.device)
    patch.fill(everything, colour, "background", ink=None)
    light = scene.of("light")
    patch.shade((0.25 + 0.22 * patch.x * light + 0.3 * patch.y).clamp(0, 1) * 0.32, colour * 0.62)
    disc = circle(patch.x - 0.5 * scene.of("shift_x"), patch.y - 0.06, 0.84)
    cover = patch.fill(disc, 0.45 * colour + 0.55, "background", ink=None)
    patch.shade(cover * fade(length(patch.x + 0.3 * light, patch.y + 0.4), 0.9) * 0.35, scene.colour(palette.WHITE))


def skin_shadow(scene: Scene) -> Tensor:
    """Return the colour of shaded skin [B, 3]: darker and redder, never grey."""
    return scene.who.skin * torch.tensor([0.76, 0.62, 0.6], device=scene.device)


def paint_body(scene: Scene) -> None:
    """Paint neck, clothes and collar."""
    who = scene.who
    patch = scene.flat(top=0.25)
    x = patch.x - 0.6 * scene.of("shift_x")
    y = patch.y - scene.of("shift_y") * 0.7 - scene.of("scale") * 0.6
    light, shadow = scene.of("light"), skin_shadow(scene)
    part = x / 0.84
    part = part * part
    slope = (0.3 * part + 2.4 * part * part) / (x.abs() + 0.05)
    shoulders = (0.14 + 0.15 * part + 0.6 * part * part - y) / (1.0 + slope * slope).sqrt()
    neck = union(box(x, y, 0.15, 0.42, 0.02), shoulders + 0.02, 0.12)
    cover = patch.fill(neck, who.skin, "neck")
    cast = fade(ellipse(x + 0.04 * light, y + 0.2, 0.4, 0.3), 0.09)
    patch.shade(cover * (0.16 + cast * 0.5), shadow)
    cover = patch.fill(shoulders, who.clothes, "clothes")
    stripe = ((wave((y - 0.16 * part) * 6.0) * (0.11 / scene.step)).clamp_(-0.5, 0.5) + 0.5) * (scene.of("collar") == 2)
    patch.shade(cover * stripe, who.trim)
    shade = (0.2 + 0.6 * x * light + 0.3 * y).clamp_(0, 1) * 0.4
    patch.shade(cover * (shade + fade((x.abs() - 0.6).abs() + 0.1 * y, 0.05) * 0.25).clamp_(0, 1), who.clothes * 0.5)
    vee = (1.25 * x.abs() + y - 0.34) * 0.625
    crew = ellipse(x, y - 0.1, 0.21, 0.115)
    opening = torch.where(scene.of("collar") == 1, torch.maximum(vee, 0.02 - y), crew)
    hood = torch.where(scene.of("collar") == 3, 0.1, 0.045)
    ring = torch.maximum(opening - hood, shoulders - 0.015)
    patch.fill(ring, torch.where(who.collar[:, None] == 2, who.trim, who.clothes * 0.82), "clothes")
    cover = patch.fill(torch.maximum(opening, torch.minimum(shoulders + 0.012, neck)), who.skin, "neck")
    patch.shade(cover * (0.16 + cast * 0.5), shadow)
    cord = box(x.abs() - 0.13, y - 0.36, 0.018, 0.1, 0.018) + 9.0 * (scene.of("collar") != 3)
    patch.fill(cord, who.trim, "clothes")


def paint_ears(scene: Scene, *, near: bool = False) -> None:
    """Paint both ears behind the face, or the one that a turned head shows in front of it (``near``)."""
    patch = scene.head(top=-0.35, bottom=0.5)
    width = scene.of("face_width")
    if not scene.sin:
        _paint_ear(scene, patch, (patch.x.abs() - width - 0.015), 1.0)
    elif near:
        _paint_ear(scene, patch, patch.x + width * (scene.cos * 0.62) + 0.05, 0.8)


def _paint_ear(scene: Scene, patch: Patch, x: Tensor, narrow: float) -> None:
    y = patch.y - 0.07
    cover = patch.fill(ellipse(x - 0.06 * y, y, 0.075 * narrow, 0.125), scene.who.skin, "ears")
    inner = fade(ellipse(x - 0.005, y + 0.005, 0.038 * narrow, 0.075), 0.03)
    patch.shade(cover * (inner * 0.5 + 0.12), skin_shadow(scene))


def paint_face(scene: Scene, hair: Hair) -> None:
    """Paint the face with a lit and a shaded side, blush, and the shadow that the hair throws."""
    patch = scene.head(top=-0.75, bottom=0.85)
    rows, columns = patch.window
    y = patch.y
    x = patch.x - scene.sin * (0.1 + 0.2 * (y + 0.3).clamp(0, 0.8)) if scene.sin else patch.x
    chin = scene.of("chin")
    skull = ellipse(x, y + 0.06, scene.of("face_width"), 0.5)
    jaw = ellipse(x, y - (chin - 0.42), scene.of("jaw_width"), torch.tensor(0.42, device=scene.device))
    face = union(skull, jaw, 0.12)
    cover = patch.fill(face, scene.who.skin, "face")
    light, shadow = scene.of("light"), skin_shadow(scene)
    side = fade(-face, 0.16) * (0.25 + 1.3 * x * light).clamp_(0, 1) * 0.55
    below = fade(-face, 0.12) * (1.6 * y - 0.35).clamp_(0, 1) * 0.35
    thrown = fade(hair.front[:, rows, columns] - 0.005, 0.075) * 0.4
    hat = fade(y + 0.31 - 0.1 * x * x, 0.08) * scene.hat * 0.5
    patch.shade(cover * torch.maximum(torch.maximum(side + below, thrown), hat).clamp_(0, 1), shadow)
    lit = fade(length(x + 0.2 * light, y + 0.16), 0.36) * 0.22
    patch.shade(cover * lit, 0.4 * scene.who.skin + 0.6)
    place, narrow = scene.turned(torch.full_like(chin, 0.27))
    other, other_narrow = scene.turned(torch.full_like(chin, -0.27))
    red = fade(ellipse(patch.x - place, y - 0.21, 0.125 * narrow, 0.085), 0.06) + fade(
        ellipse(patch.x - other, y - 0.21, 0.125 * other_narrow, 0.085), 0.06
    )
    patch.shade(cover * red * (scene.of("blush") + scene.pose.cheek * 0.4), scene.colour(palette.BLUSH))
