"""MUNIT's two reconstructions of codes."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation
from i2ikit.errors import SpecError
from i2ikit.losses.adversarial import precise


def style_loss(t: Translation) -> Tensor:
    """The style that was drawn is found again in the translation: mean absolute difference (MUNIT, equation 3)."""
    found = t.recode.style
    if found is None:
        raise SpecError('"style_loss" compares with the style of the translation, and the encoder gives none. Use munit_encoder.')
    return (precise(found) - precise(t.style)).abs().mean()


def content_loss(t: Translation) -> Tensor:
    """The content is found again in the translation: mean absolute difference of the last maps (MUNIT, equation 2).

    Both sides learn: the content of the source is no fixed target.
    """
    if not t.code.maps:
        raise SpecError('"content_loss" compares maps, and the encoder gives none. Use munit_encoder or munit_content_encoder.')
    return (precise(t.recode.maps[-1]) - precise(t.code.maps[-1])).abs().mean()
