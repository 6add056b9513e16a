"""The colours of the faces as RGB in 0..255, and the segments with their colours."""

from __future__ import annotations

import torch
from torch import Tensor

Colour = tuple[int, int, int]

SKIN: tuple[Colour, ...] = (
    (255, 222, 200),
    (247, 204, 172),
    (234, 182, 143),
    (212, 152, 110),
    (176, 116, 80),
    (138, 88, 62),
    (104, 66, 50),
)
HAIR: dict[str, Colour] = {"black": (40, 38, 52), "brown": (118, 70, 42), "blond": (244, 204, 98), "red": (214, 84, 36)}
EYES: tuple[Colour, ...] = ((88, 54, 34), (62, 128, 190), (76, 146, 92), (150, 102, 44), (112, 130, 150), (54, 38, 32))
CLOTHES: tuple[Colour, ...] = (
    (36, 140, 142),
    (238, 108, 92),
    (54, 74, 128),
    (234, 176, 62),
    (134, 74, 130),
    (62, 128, 92),
    (96, 164, 222),
    (224, 122, 150),
    (244, 234, 214),
    (70, 78, 96),
)
BACKGROUND: tuple[Colour, ...] = (
    (252, 224, 208),
    (204, 232, 238),
    (222, 218, 246),
    (252, 238, 198),
    (206, 236, 218),
    (250, 212, 222),
    (198, 218, 244),
    (232, 232, 236),
    (128, 192, 196),
    (246, 184, 138),
    (158, 168, 220),
    (240, 156, 150),
)
WHITE: Colour = (255, 255, 255)
DARK: Colour = (44, 34, 44)
FRAME: Colour = (30, 30, 40)
MOUTH: Colour = (112, 26, 40)
TONGUE: Colour = (236, 108, 116)
LIP: Colour = (214, 82, 88)
BLUSH: Colour = (240, 96, 96)
TEAR: Colour = (120, 196, 246)
SHADOW: Colour = (70, 20, 50)

SEGMENTS: tuple[tuple[str, Colour], ...] = (
    ("background", (28, 30, 44)),
    ("clothes", (66, 96, 190)),
    ("neck", (222, 148, 96)),
    ("face", (250, 200, 150)),
    ("ears", (240, 140, 160)),
    ("hair", (120, 72, 46)),
    ("brows", (180, 60, 170)),
    ("eyes", (246, 246, 250)),
    ("iris", (40, 170, 220)),
    ("nose", (120, 210, 120)),
    ("lips", (220, 50, 70)),
    ("mouth", (130, 10, 50)),
    ("glasses", (240, 210, 40)),
    ("hat", (20, 160, 130)),
)
PARTS: tuple[str, ...] = tuple(name for name, _ in SEGMENTS)


def rgb(colours: Colour | tuple[Colour, ...]) -> Tensor:
    """Return colours as float32 in 0..1, [3] or [N, 3]."""
    return torch.tensor(colours, dtype=torch.float32) / torch.tensor(255.0)
