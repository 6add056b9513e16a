"""Views: the styles of the target and of the translation, as the style encoder reads them."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from i2ikit import Posterior, Translation, view
from i2ikit.errors import SpecError

SLOT = "style_encoder"


@view
def posterior_of_target(t: Translation) -> Posterior:
    """The distribution over styles of the true target [B, S]."""
    return _read(t, t.target)


@view
def style_of_target(t: Translation) -> Tensor:
    """A style [B, S] drawn from it, with noise from the stream "style"."""
    mean, logvar = t[posterior_of_target]
    return cast(Tensor, mean + (logvar / 2).exp() * t.normal("style", mean.shape[1]))


@view
def mean_of_target(t: Translation) -> Tensor:
    """Its mean [B, S]."""
    return cast(Tensor, t[posterior_of_target].mean)


@view
def posterior_of_fake(t: Translation) -> Posterior:
    """The distribution over styles of the translation [B, S]."""
    return _read(t, t.fake)


@view
def posterior_by_fixed_encoder(t: Translation) -> Posterior:
    """The same, read by an encoder that does not learn from it.

    Leaving the encoder out of the graph costs nothing; sending a gradient of its own to the generator costs a second backward pass.
    """
    fake = t.fake
    weights = t.nets.parameters_of([_slot(t)])
    for weight in weights:
        weight.requires_grad_(False)
    try:
        return _read(t, fake)
    finally:
        for weight in weights:
            weight.requires_grad_()


def _slot(t: Translation) -> str:
    return SLOT if SLOT in t.nets.slots else "encoder"


def _read(t: Translation, image: Tensor) -> Posterior:
    slot = _slot(t)
    code = t.encode(image, t.target_label, t.target_name, slot=slot)
    if code.posterior is None or code.posterior.mean.ndim != 2:
        raise SpecError(
            f'A distribution over styles is asked of slot "{slot}", and it gives none. Add one: '
            'build(..., style_encoder=Slot("bicyclegan_style_encoder", role="encoder")), trained by the translator.'
        )
    return code.posterior
