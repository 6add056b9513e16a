"""Differences between images that should be equal: absolute, the mean over all pixels and channels, in units of [-1, 1]."""

from __future__ import annotations

from torch import Tensor

from i2ikit.core.translation import Translation
from i2ikit.losses.adversarial import precise


def cycle_loss(t: Translation, *, squared: bool = False) -> Tensor:
    """There and back again gives the source image (CycleGAN, section 3.2; StarGAN, equation 4).

    Args:
        t: The translation.
        squared: Mean of the squared differences in place of the absolute ones (DiscoGAN, equation 3).
    """
    return (precise(t.cycle) - precise(t.real)).square().mean() if squared else _distance(t.cycle, t.real)


def recon_loss(t: Translation) -> Tensor:
    """Drawing an image from its own code gives the image (MUNIT, equation 1)."""
    return _distance(t.recon, t.real)


def identity_loss(t: Translation) -> Tensor:
    """An image that is already in the target domain stays as it is (CycleGAN, section 5.2)."""
    return _distance(t.identity, t.reference)


def l1_loss(t: Translation) -> Tensor:
    """The translation equals the true target of a pair (pix2pix, section 3.1)."""
    return _distance(t.fake, t.target)


def _distance(made: Tensor, wanted: Tensor) -> Tensor:
    return (precise(made) - precise(wanted)).abs().mean()
