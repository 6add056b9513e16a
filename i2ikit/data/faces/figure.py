"""Layers of background, body, ears and face."""

from __future__ import annotations

import torch
from torch import Tensor

from i2ikit.data.faces import palette
from i2ikit.data.faces.hair import Hair
from i2ikit.data.faces.scene import Patch, Scene
from i2ikit.data.faces.shapes import box, circle, ellipse, fade, length, union, wave


def paint_background(scene: Scene) -> None:
    """Paint a soft gradient with a lighter disc behind the head."""
    patch = scene.get_canvas_patch()
    colour = scene.identities.background
    everything = torch.full((1, scene.height, scene.width), -9.0, device=scene.device)
    patch.fill(everything, colour, "background", ink=None)
    light = scene.get("light")
    patch.shade((0.25 + 0.22 * patch.x * light + 0.3 * patch.y).clamp(0, 1) * 0.32, colour * 0.62)
    disc = circle(patch.x - 0.5 * scene.get("shift_x"), patch.y - 0.06, 0.84)
    cover = patch.fill(disc, 0.45 * colour + 0.55, "background", ink=None)
    patch.shade(cover * fade(length(patch.x + 0.3 * light, patch.y + 0.4), 0.9) * 0.35, scene.get_colour(palette.WHITE))


def skin_shadow(scene: Scene) -> Tensor:
    """Return the colour of skin in shadow [B, 3], which is darker and redder."""
    return scene.identities.skin * torch.tensor([0.76, 0.62, 0.6], device=scene.device)


def paint_body(scene: Scene) -> None:
    """Paint neck, clothes and collar."""
    identities = scene.identities
    patch = scene.get_canvas_patch(top=0.25)
    x = patch.x - 0.6 * scene.get("shift_x")
    y = patch.y - scene.get("shift_y") * 0.7 - scene.get("scale") * 0.6
    light, shadow = scene.get("light"), skin_shadow(scene)
    part = x / 0.84
    part = part * part
    slope = (0.3 * part + 2.4 * part * part) / (x.abs() + 0.05)
    shoulders = (0.14 + 0.15 * part + 0.6 * part * part - y) / (1.0 + slope * slope).sqrt()
    neck = union(box(x, y, 0.15, 0.42, 0.02), shoulders + 0.02, 0.12)
    cover = patch.fill(neck, identities.skin, "neck")
    cast = fade(ellipse(x + 0.04 * light, y + 0.2, 0.4, 0.3), 0.09)
    patch.shade(cover * (0.16 + cast * 0.5), shadow)
    cover = patch.fill(shoulders, identities.clothes, "clothes")
    stripe = ((wave((y - 0.16 * part) * 6.0) * (0.11 / scene.pixel_size)).clamp_(-0.5, 0.5) + 0.5) * (scene.get("collar") == 2)
    patch.shade(cover * stripe, identities.trim)
    shade = (0.2 + 0.6 * x * light + 0.3 * y).clamp_(0, 1) * 0.4
    patch.shade(cover * (shade + fade((x.abs() - 0.6).abs() + 0.1 * y, 0.05) * 0.25).clamp_(0, 1), identities.clothes * 0.5)
    vee = (1.25 * x.abs() + y - 0.34) * 0.625
    crew = ellipse(x, y - 0.1, 0.21, 0.115)
    opening = torch.where(scene.get("collar") == 1, torch.maximum(vee, 0.02 - y), crew)
    hood = torch.where(scene.get("collar") == 3, 0.1, 0.045)
    ring = torch.maximum(opening - hood, shoulders - 0.015)
    patch.fill(ring, torch.where(identities.collar[:, None] == 2, identities.trim, identities.clothes * 0.82), "clothes")
    cover = patch.fill(torch.maximum(opening, torch.minimum(shoulders + 0.012, neck)), identities.skin, "neck")
    patch.shade(cover * (0.16 + cast * 0.5), shadow)
    cord = box(x.abs() - 0.13, y - 0.36, 0.018, 0.1, 0.018) + 9.0 * (scene.get("collar") != 3)
    patch.fill(cord, identities.trim, "clothes")


def paint_ears(scene: Scene, *, near: bool = False) -> None:
    """Paint both ears, which are behind the face; with ``near``, only the ear that is in front of the face of a turned head."""
    patch = scene.get_head_patch(top=-0.35, bottom=0.5)
    width = scene.get("face_width")
    if not scene.sin:
        _paint_ear(scene, patch, (patch.x.abs() - width - 0.015), 1.0)
    elif near:
        _paint_ear(scene, patch, patch.x + width * (scene.cos * 0.62) + 0.05, 0.8)


def _paint_ear(scene: Scene, patch: Patch, x: Tensor, narrow: float) -> None:
    y = patch.y - 0.07
    cover = patch.fill(ellipse(x - 0.06 * y, y, 0.075 * narrow, 0.125), scene.identities.skin, "ears")
    inner = fade(ellipse(x - 0.005, y + 0.005, 0.038 * narrow, 0.075), 0.03)
    patch.shade(cover * (inner * 0.5 + 0.12), skin_shadow(scene))


def paint_face(scene: Scene, hair: Hair) -> None:
    """Paint the face with a lit and a shaded side, blush, and the shadow of the hair."""
    patch = scene.get_head_patch(top=-0.75, bottom=0.85)
    rows, columns = patch.window
    y = patch.y
    x = patch.x - scene.sin * (0.1 + 0.2 * (y + 0.3).clamp(0, 0.8)) if scene.sin else patch.x
    chin = scene.get("chin")
    skull = ellipse(x, y + 0.06, scene.get("face_width"), 0.5)
    jaw = ellipse(x, y - (chin - 0.42), scene.get("jaw_width"), torch.tensor(0.42, device=scene.device))
    face = union(skull, jaw, 0.12)
    cover = patch.fill(face, scene.identities.skin, "face")
    light, shadow = scene.get("light"), skin_shadow(scene)
    side = fade(-face, 0.16) * (0.25 + 1.3 * x * light).clamp_(0, 1) * 0.55
    below = fade(-face, 0.12) * (1.6 * y - 0.35).clamp_(0, 1) * 0.35
    hair_shadow = fade(hair.front[:, rows, columns] - 0.005, 0.075) * 0.4
    hat = fade(y + 0.31 - 0.1 * x * x, 0.08) * scene.hat * 0.5
    patch.shade(cover * torch.maximum(torch.maximum(side + below, hair_shadow), hat).clamp_(0, 1), shadow)
    lit = fade(length(x + 0.2 * light, y + 0.16), 0.36) * 0.22
    patch.shade(cover * lit, 0.4 * scene.identities.skin + 0.6)
    centre_x, narrow = scene.turn_point(torch.full_like(chin, 0.27))
    other, other_narrow = scene.turn_point(torch.full_like(chin, -0.27))
    red = fade(ellipse(patch.x - centre_x, y - 0.21, 0.125 * narrow, 0.085), 0.06) + fade(
        ellipse(patch.x - other, y - 0.21, 0.125 * other_narrow, 0.085), 0.06
    )
    patch.shade(cover * red * (scene.get("blush") + scene.pose.cheek * 0.4), scene.get_colour(palette.BLUSH))
