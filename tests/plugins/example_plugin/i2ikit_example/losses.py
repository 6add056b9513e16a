"""A loss is a function of one translation."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation


def brightness_loss(translation: Translation) -> Tensor:
    """Return the difference of the mean brightness of source and translation."""
    return (translation.fake.mean() - translation.real.mean()).abs()
