"""Discriminator against translator: the four usual games.

A discriminator loss compares the references, real images of the target domain, with the fakes. Every loss takes the mean over images and patches,
and the sum over the discriminator's scales (MUNIT, pix2pixHD), or their mean where ``average`` is set (SPADE).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.translation import Translation

Score = Callable[[Tensor], Tensor]


def wgan_discriminator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of fakes down, scores of real images up (Arjovsky et al. 2017, equation 2). Needs a penalty to stay finite.

    Args:
        t: The translation.
        discriminator: The slot of the discriminator.
        of: Which view is scored as the fake.
        average: Mean over the scales in place of their sum.
    """
    return _against(t, discriminator, of, average, real=lambda score: -score, fake=lambda score: score)


def wgan_generator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of fakes up. Options as :func:`wgan_discriminator_loss`."""
    return _for(t, discriminator, of, average, lambda score: -score)


def lsgan_discriminator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of real images to 1, of fakes to 0, by squared distance, not halved (Mao et al. 2017).

    Options as :func:`wgan_discriminator_loss`.
    """
    return _against(t, discriminator, of, average, real=lambda score: (score - 1).square(), fake=torch.square)


def lsgan_generator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of fakes to 1, by squared distance. Options as :func:`wgan_discriminator_loss`."""
    return _for(t, discriminator, of, average, lambda score: (score - 1).square())


def hinge_discriminator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of real images above 1, of fakes below -1 (Lim and Ye 2017; SAGAN). Options as :func:`wgan_discriminator_loss`."""
    return _against(t, discriminator, of, average, real=lambda score: F.relu(1 - score), fake=lambda score: F.relu(1 + score))


def hinge_generator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Scores of fakes up. Options as :func:`wgan_discriminator_loss`."""
    return _for(t, discriminator, of, average, lambda score: -score)


def logistic_discriminator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Real or fake as binary cross entropy (Goodfellow et al. 2014, equation 1). Options as :func:`wgan_discriminator_loss`."""
    return _against(t, discriminator, of, average, real=lambda score: F.softplus(-score), fake=F.softplus)


def logistic_generator_loss(t: Translation, *, discriminator: str = "discriminator", of: str = "fake", average: bool = False) -> Tensor:
    """Fakes taken for real, the non-saturating form (Goodfellow et al. 2014, section 3). Options as :func:`wgan_discriminator_loss`."""
    return _for(t, discriminator, of, average, lambda score: F.softplus(-score))


def _against(t: Translation, discriminator: str, of: str, average: bool, *, real: Score, fake: Score) -> Tensor:
    return _over_scales(t.discriminate("reference", by=discriminator).scores, real, average) + _for(t, discriminator, of, average, fake)


def _for(t: Translation, discriminator: str, of: str, average: bool, price: Score) -> Tensor:
    return _over_scales(t.discriminate(of, by=discriminator).scores, price, average)


def _over_scales(scores: tuple[Tensor, ...], price: Score, average: bool) -> Tensor:
    priced = torch.stack([price(precise(score)).mean() for score in scores])
    return priced.mean() if average else priced.sum()


def precise(tensor: Tensor) -> Tensor:
    """Return the tensor in float32 at least: means of half-precision numbers lose what losses differ by."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
