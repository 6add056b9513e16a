"""Images that hold a pair side by side, given to a model that was trained on such images: the source half is translated."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from i2ikit.core.model import Model

TOLERANCE = 0.02
"""The relative difference of two proportions that counts as rounding."""


def take_source_half(model: Model, pixels: Tensor) -> Tensor:
    """Return the source halves of images [B, C, H, W] if they have the form of the pairs of the training; else the images.

    A warning says so. Images of the size of the model are never pairs.
    """
    side = find_source_half(model, (pixels.shape[-2], pixels.shape[-1]))
    if not side:
        return pixels
    width = pixels.shape[-1] // 2
    warnings.warn(
        f"The image is twice as wide as the images of the training, like the pairs side by side that the model was trained on. Its {side} "
        "half, the source, is translated.",
        stacklevel=4,
    )
    return pixels[..., :width] if side == "left" else pixels[..., width:]


def find_source_half(model: Model, size: tuple[int, int]) -> str:
    """Return the half of a pair that is the source, "left" or "right"; an empty text if images of this size are not pairs."""
    glued, half = model.preprocessing.get("glued"), model.preprocessing.get("half")
    if not glued or not half or size[1] % 2 or size == (model.image.height, model.image.width):
        return ""
    expected = 2 * half[1] / half[0]
    if abs(size[1] / size[0] - expected) > TOLERANCE * expected:
        return ""
    return "left" if glued == "AB" else "right"
