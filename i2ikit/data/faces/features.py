"""Layers of the facial features: eyes, brows, nose, mouth and glasses."""

from __future__ import annotations

import torch

from i2ikit.data.faces import palette
from i2ikit.data.faces.figure import skin_shadow
from i2ikit.data.faces.scene import Scene
from i2ikit.data.faces.shapes import box, circle, ellipse, fade, length, line


def paint_eyes(scene: Scene) -> None:
    """Paint the eyes with lids, iris, pupil and highlight."""
    pose, size = scene.pose, scene.get("eye_size")
    for side in (-1.0, 1.0):
        patch = scene.get_head_patch(*((-0.6, 0.1) if side < 0 else (-0.1, 0.6)), top=-0.4, bottom=0.46)
        centre_x, narrow = scene.turn_point(scene.get("eye_gap") * side)
        x = (patch.x - centre_x) / (narrow * size) * side
        y = (patch.y - scene.get("eye_height")) / size
        width, height = 0.12, 0.098 * pose.lid.clamp_min(1.0)
        lid = pose.lid + side * pose.brow_side * 1.2
        upper = -0.098 * lid - pose.lid_slant * (x - 0.02) - y
        lower = y - 0.098 * (1.0 - pose.lid_low) - pose.lid_low.clamp_min(0) * 3.0 * x * x
        hollow = ellipse(x, y, 0.145, 0.14)
        patch.shade(fade(hollow, 0.04) * 0.13, skin_shadow(scene))
        open_ = torch.maximum(torch.maximum(ellipse(x, y, width, height), upper), lower)
        lash = torch.maximum(torch.maximum(ellipse(x - 0.006, y + 0.014, width + 0.016, height + 0.012), upper - 0.03), lower - 0.004)
        patch.fill(lash * size, scene.get_colour(palette.DARK), "eyes", ink=1.0)
        cover = patch.fill(open_ * size, scene.get_colour((250, 250, 252)), "eyes")
        patch.shade(cover * fade(upper.neg().minimum(y + height), 0.055) * 0.22, scene.get_colour((70, 80, 120)))
        gaze = x - pose.gaze * side * 0.1
        iris = torch.maximum(circle(gaze, y - 0.002, 0.078 * pose.iris), open_)
        cover = patch.fill(iris * size, scene.identities.iris * 0.55, "iris", ink=0.5)
        inner = torch.maximum(circle(gaze, y - 0.002, 0.078 * pose.iris - 0.013), open_)
        cover = patch.fill(inner * size, scene.identities.iris, "iris", ink=None)
        patch.shade(cover * fade(length(gaze, y - 0.05), 0.07) * 0.55, 0.4 * scene.identities.iris + 0.6)
        patch.fill(torch.maximum(circle(gaze, y - 0.002, 0.04 * pose.iris), open_) * size, scene.get_colour((24, 20, 28)), "iris", ink=1.0)
        glint = torch.maximum(circle(gaze * side + 0.028 * scene.get("light"), y + 0.03, 0.022), open_)
        patch.fill(glint * size, scene.get_colour(palette.WHITE), "iris", ink=0.0)
        tear = pose.tear * 9.0 - 9.0 if side > 0 else pose.tear * 0.0 - 9.0
        drop = line(patch.x - centre_x, patch.y, (0.05 * side, 0.15), (0.062 * side, 0.235)) - (
            0.012 + (patch.y - 0.13).clamp(0, 0.11) * 0.3
        )
        cover = patch.fill(drop - tear.clamp_max(0), scene.get_colour(palette.TEAR), "face")
        patch.shade(cover * fade(length(patch.x - centre_x - 0.05 * side, patch.y - 0.225), 0.03) * 0.8, scene.get_colour(palette.WHITE))


def paint_brows(scene: Scene) -> None:
    """Paint the brows in a darker tone of the hair."""
    pose, dark = scene.pose, scene.hair * 0.62
    for side in (-1.0, 1.0):
        patch = scene.get_head_patch(*((-0.65, 0.2) if side < 0 else (-0.2, 0.65)), top=-0.6, bottom=0.15)
        centre_x, narrow = scene.turn_point(scene.get("eye_gap") * side)
        x = (patch.x - centre_x) / narrow * side - 0.008
        y = patch.y - scene.get("eye_height") + 0.2 + side * pose.brow_side * 0.9
        half = 0.122
        u = (x / half).clamp(-1, 1)
        middle = pose.brow_in + (pose.brow_out - pose.brow_in) * (u + 1.0) * 0.5 - pose.brow_arch * (1.0 - u * u)
        slope = (pose.brow_out - pose.brow_in) * (0.5 / half) + pose.brow_arch * u * (2.0 / half)
        off = (y - middle) / (1.0 + slope * slope).sqrt()
        distance = length((x.abs() - half).clamp_min(0), off) - scene.get("brow_weight") * (1.0 - 0.3 * u)
        patch.fill(distance, dark, "brows", ink=0.85)


def paint_nose(scene: Scene) -> None:
    """Paint the nose with a shaded side, a base and a highlight, and with wrinkles of disgust."""
    patch = scene.get_head_patch(-0.4, 0.4, top=-0.3, bottom=0.5)
    width, tip = scene.get("nose_width"), scene.get("nose_length")
    centre_x, _ = scene.turn_point(torch.zeros_like(width), depth=1.12)
    light, shadow = scene.get("light"), skin_shadow(scene)
    x, y = patch.x - centre_x, patch.y - tip + scene.pose.wrinkle * 0.02
    bridge = fade(line(x, y, (light * 0.028, -0.16), (light * (width * 0.7), -0.01)) - 0.008, 0.045) * 0.36
    patch.shade(bridge, shadow)
    ball = patch.fill(ellipse(x, y, width, 0.048), scene.identities.skin, "nose", ink=None)
    patch.shade(ball * fade((0.035 - y), 0.06) * 0.72, shadow)
    under = torch.maximum(ellipse(x, y + 0.008, width, 0.05), 0.012 - y)
    patch.fill(under, scene.identities.skin * torch.tensor([0.74, 0.58, 0.56], device=scene.device), "nose", ink=0.6)
    patch.shade(fade(length(x + 0.018 * light, y + 0.022), 0.04) * 0.6, 0.25 * scene.identities.skin + 0.75)
    crease = line(x.abs(), patch.y, (0.035, -0.02), (0.085, -0.05)).minimum(line(x.abs(), patch.y, (0.035, 0.03), (0.085, 0.01))) - 0.009
    patch.fill(crease + 9.0 * (1.0 - scene.pose.wrinkle), shadow * 0.8, "nose", ink=1.0)


def paint_mouth(scene: Scene) -> None:
    """Paint lips, the inside of the mouth, teeth and tongue."""
    pose = scene.pose
    patch = scene.get_head_patch(-0.5, 0.5, top=0.08, bottom=0.82)
    centre_x, narrow = scene.turn_point(torch.zeros_like(pose.curve), depth=1.04)
    width = scene.get("mouth_width") * pose.mouth_width * narrow
    x = patch.x - centre_x
    y = patch.y - scene.get("mouth_height") - pose.mouth_drop
    part = x / width
    inside = part.abs().clamp_max(1.3)
    square = inside * inside
    almond = (1.0 - square).clamp_min(-1)
    boxed = ((1.0 - inside) * 5.0).clamp(-1, 1)
    opening = almond + pose.square * (boxed - almond)
    smirk = part.clamp(0, 1.3)
    middle = pose.curve * (0.5 - square) - pose.smirk * (smirk * smirk - 0.3)
    slope = (2.0 * pose.curve * part + 2.0 * pose.smirk * smirk) / width
    # Vertical differences divided by the steepness of the curve are distances to it.
    round_ = (1.0 - pose.square) * 2.0 * part.clamp(-1.3, 1.3) + pose.square * 5.0 * part.sign() * (inside > 0.8)
    steep_top = (1.0 + (slope - pose.open_top * round_ / width).square()).sqrt()
    steep_low = (1.0 + (slope + pose.open_low * round_ / width).square()).sqrt()
    top = middle - pose.open_top * opening
    low = middle + pose.open_low * opening
    mouth = torch.maximum(torch.maximum((top - y) / steep_top, (y - low) / steep_low), (x.abs() - width))
    full = 0.024 + 0.018 * scene.get("lip")
    skin, lip = scene.identities.skin, scene.get_colour(palette.LIP)
    tint = 0.62 * skin * torch.tensor([0.9, 0.62, 0.62], device=scene.device) + 0.38 * lip
    bow = full * (0.75 + 0.5 * almond)
    lips = torch.maximum(torch.maximum((top - y - bow) / steep_top, (y - low - bow * 1.15) / steep_low), x.abs() - width - 0.014)
    cover = patch.fill(lips, tint, "lips")
    patch.shade(cover * fade((y - low - bow * 0.55).abs(), 0.022) * 0.3, scene.get_colour(palette.WHITE))
    hole = torch.maximum(torch.maximum((top - 0.011 - y) / steep_top, (y - low - 0.011) / steep_low), x.abs() - width - 0.004)
    cover = patch.fill(hole, scene.get_colour(palette.MOUTH) * 0.75, "mouth", ink=0.9)
    tongue = torch.maximum(ellipse(x, y - low - 0.015, width * 0.62, 0.075), mouth)
    shown = (0.07 - pose.open_low).clamp_min(0) * 90.0
    patch.fill(tongue + shown, scene.get_colour(palette.TONGUE), "mouth", ink=None)
    teeth = torch.maximum(mouth + 0.006, y - top - pose.teeth) + 9.0 * (pose.teeth == 0)
    cover = patch.fill(teeth, scene.get_colour((252, 250, 246)), "mouth", ink=0.0)
    clenched = fade((y - middle).abs() - 0.003, 0.012) * (pose.teeth > 1)
    patch.shade(cover * clenched * 0.6, scene.get_colour((150, 140, 160)))
    out = box(x, y - middle - 0.5 * pose.tongue, 0.074 * narrow, 0.5 * pose.tongue + 0.02, 0.07) + 9.0 * (pose.tongue == 0)
    cover = patch.fill(torch.maximum(out, top - y), scene.get_colour(palette.TONGUE), "mouth")
    patch.shade(cover * fade(x.abs() - 0.003, 0.016) * fade(y - 0.08, 0.05) * 0.4, scene.get_colour(palette.MOUTH))


def paint_glasses(scene: Scene) -> None:
    """Paint glasses with dark frames and clear lenses, on the faces that have them."""
    patch = scene.get_head_patch(top=-0.4, bottom=0.45)
    away = (1.0 - scene.glasses) * 9.0
    frame, white = scene.get_colour(palette.FRAME), scene.get_colour(palette.WHITE)
    round_ = 0.07 + 0.09 * scene.get("frame")
    y = patch.y - scene.get("eye_height") - 0.01
    lenses, temples, inner = [], [], []
    for side in (-1.0, 1.0):
        centre_x, narrow = scene.turn_point(scene.get("eye_gap") * side * 1.04, depth=1.06)
        lenses.append(box((patch.x - centre_x) / narrow, y, 0.19, 0.165, round_))
        inner.append(centre_x - 0.15 * narrow * side)
        ear, _ = scene.turn_point(scene.get("face_width") * side * 1.02)
        if scene.sin and side < 0:
            ear = -scene.get("face_width") * (scene.cos * 0.62)
        temples.append(line(patch.x, y, (centre_x + side * 0.18 * narrow, -0.03), (ear, -0.045)))
    lens, temple = torch.minimum(*lenses), torch.minimum(*temples)
    bridge = (y + 0.03).abs() + 9.0 * ((patch.x < inner[0]) | (patch.x > inner[1]))
    cover = torch.clamp(0.5 - (lens + away) / patch.pixel, 0, 1)
    patch.shade(cover * 0.06, white)
    gleam = fade(((patch.x + 0.55 * y) * 2.6 - 0.2 - torch.floor((patch.x + 0.55 * y) * 2.6)).abs() - 0.07, 0.03)
    patch.shade(cover * gleam * fade(y - 0.02, 0.08) * 0.2, white)
    solid = torch.minimum(lens.abs() - 0.024, torch.minimum(temple, torch.maximum(bridge, -lens)) - 0.018)
    patch.fill(solid + away, frame, "glasses", ink=1.0)
