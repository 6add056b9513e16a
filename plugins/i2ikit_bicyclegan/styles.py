"""Views: the styles that the style encoder estimates from the target image and from the translation."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from i2ikit import Posterior, Translation, view
from i2ikit.errors import SpecError

STYLE_ENCODER = "style_encoder"


@view
def posterior_of_target(t: Translation) -> Posterior:
    """Distribution over styles [B, S], encoded from the target image."""
    return _encode_style(t, t.target)


@view
def style_of_target(t: Translation) -> Tensor:
    """Style [B, S], sampled from the distribution of the target image with noise from the random stream "style"."""
    mean, logvar = t[posterior_of_target]
    return cast(Tensor, mean + (logvar / 2).exp() * t.normal("style", mean.shape[1]))


@view
def mean_of_target(t: Translation) -> Tensor:
    """Mean [B, S] of the distribution of the target image."""
    return cast(Tensor, t[posterior_of_target].mean)


@view
def posterior_of_fake(t: Translation) -> Posterior:
    """Distribution over styles [B, S], encoded from the translation."""
    return _encode_style(t, t.fake)


@view
def posterior_by_fixed_encoder(t: Translation) -> Posterior:
    """Distribution over styles [B, S], encoded from the translation by an encoder whose weights get no gradient from it.

    The weights are excluded from the graph, which is free. A term that sends its gradient to the generator alone would require a second
    backward pass.
    """
    return _encode_style(t, t.fake, frozen=True)


def _get_slot(t: Translation) -> str:
    return STYLE_ENCODER if STYLE_ENCODER in t.nets.slots else "encoder"


def _encode_style(t: Translation, image: Tensor, *, frozen: bool = False) -> Posterior:
    slot = _get_slot(t)
    code = t.encode(image, t.target_label, t.target_name, slot=slot, frozen=frozen)
    if code.posterior is None or code.posterior.mean.ndim != 2:
        raise SpecError(
            f'Slot "{slot}" does not return a distribution over styles, which the losses of BicycleGAN require. Use build(..., '
            'style_encoder=Slot("bicyclegan_style_encoder", role="encoder")), and let the translator train it.'
        )
    return code.posterior
