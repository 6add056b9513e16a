"""A loss: a function of one translation."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation


def brightness_loss(translation: Translation) -> Tensor:
    """Return the mean absolute difference in brightness between translation and source."""
    fake, real = (image.mean((1, 2, 3)) for image in (translation.fake, translation.real))
    return (fake - real).abs().mean()
