"""Reconstruction losses: mean absolute error between images that should be equal, over all pixels and channels, in units of [-1, 1]."""

from __future__ import annotations

from torch import Tensor

from i2ikit.core.translation import Translation
from i2ikit.losses.adversarial import promote_to_float32


def cycle_loss(t: Translation, *, squared: bool = False) -> Tensor:
    """Cycle-consistency loss: translating to the target and back should give the source image (CycleGAN, section 3.2; StarGAN, equation 4).

    Args:
        t: The translation.
        squared: Use the mean squared error instead of the mean absolute error (DiscoGAN, equation 3).
    """
    return (promote_to_float32(t.cycle) - promote_to_float32(t.real)).square().mean() if squared else _mean_absolute_error(t.cycle, t.real)


def recon_loss(t: Translation) -> Tensor:
    """Image reconstruction loss: decoding an image's own code should give the image (MUNIT, equation 1)."""
    return _mean_absolute_error(t.recon, t.real)


def identity_loss(t: Translation) -> Tensor:
    """Identity loss: an image that is already in the target domain should not change (CycleGAN, section 5.2)."""
    return _mean_absolute_error(t.identity, t.reference)


def l1_loss(t: Translation) -> Tensor:
    """L1 loss: the translation should equal the target image of its pair (pix2pix, section 3.1)."""
    return _mean_absolute_error(t.fake, t.target)


def _mean_absolute_error(image: Tensor, target: Tensor) -> Tensor:
    return (promote_to_float32(image) - promote_to_float32(target)).abs().mean()
