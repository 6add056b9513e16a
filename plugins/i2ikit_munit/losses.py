"""MUNIT's reconstruction losses of content and style codes."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation
from i2ikit.errors import SpecError
from i2ikit.losses.adversarial import promote_to_float32


def style_loss(t: Translation) -> Tensor:
    """Style reconstruction loss: mean absolute difference between sampled and recovered style (MUNIT, equation 3)."""
    recovered = t.recode.style
    if recovered is None:
        raise SpecError('"style_loss" requires an encoder that returns a style; found none. Use "munit_encoder".')
    return (promote_to_float32(recovered) - promote_to_float32(t.style)).abs().mean()


def content_loss(t: Translation) -> Tensor:
    """Content reconstruction loss: mean absolute difference between the last maps of source and translation (MUNIT, equation 2).

    Both sides get a gradient: the content of the source is not detached.
    """
    if not t.code.maps:
        raise SpecError(
            '"content_loss" requires an encoder that returns a map; found none. Use "munit_encoder" or "munit_content_encoder".'
        )
    return (promote_to_float32(t.recode.maps[-1]) - promote_to_float32(t.code.maps[-1])).abs().mean()
