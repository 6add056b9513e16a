"""Adversarial losses: WGAN, LSGAN, hinge and logistic, each for the discriminator and for the generator.

A discriminator loss compares the scores of references (real images of the target domain) with those of fakes. Every loss is the mean over
images and patches, and the sum over the discriminator's scales (MUNIT, pix2pixHD), or the mean over the scales with ``average`` (SPADE).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.translation import Translation

ScoreLoss = Callable[[Tensor], Tensor]
"""Loss of each score, elementwise."""


def wgan_discriminator_loss(
    t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False, fake_first: bool = False
) -> Tensor:
    """WGAN discriminator loss: mean score of fakes minus mean score of real images (Arjovsky et al. 2017, equation 2).

    Without a gradient penalty it has no lower bound.

    Args:
        t: The translation.
        discriminator: Slot of the discriminator.
        view: Name of the view that is scored as the fake.
        average: Take the mean over the scales instead of the sum.
        fake_first: Score the fakes before the real images, as some original codes do. The order matters only to a discriminator whose
            forward pass changes it, such as one with running statistics.
    """
    return _compute_discriminator_loss(t, discriminator, view, average, fake_first, real=lambda score: -score, fake=lambda score: score)


def wgan_generator_loss(t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False) -> Tensor:
    """WGAN generator loss: minus the mean score of fakes. Options as in :func:`wgan_discriminator_loss`."""
    return _compute_generator_loss(t, discriminator, view, average, lambda score: -score)


def lsgan_discriminator_loss(
    t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False, fake_first: bool = False
) -> Tensor:
    """LSGAN discriminator loss: squared distance of real scores from 1 and of fake scores from 0 (Mao et al. 2017).

    The paper's factor of 1/2 is left out. Options as in :func:`wgan_discriminator_loss`.
    """
    return _compute_discriminator_loss(
        t, discriminator, view, average, fake_first, real=lambda score: (score - 1).square(), fake=torch.square
    )


def lsgan_generator_loss(t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False) -> Tensor:
    """LSGAN generator loss: squared distance of fake scores from 1. Options as in :func:`wgan_discriminator_loss`."""
    return _compute_generator_loss(t, discriminator, view, average, lambda score: (score - 1).square())


def hinge_discriminator_loss(
    t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False, fake_first: bool = False
) -> Tensor:
    """Hinge discriminator loss: real scores should be above 1, fake scores below -1 (Lim and Ye 2017; SAGAN).

    Options as in :func:`wgan_discriminator_loss`.
    """
    return _compute_discriminator_loss(
        t, discriminator, view, average, fake_first, real=lambda score: F.relu(1 - score), fake=lambda score: F.relu(1 + score)
    )


def hinge_generator_loss(t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False) -> Tensor:
    """Hinge generator loss: minus the mean score of fakes. Options as in :func:`wgan_discriminator_loss`."""
    return _compute_generator_loss(t, discriminator, view, average, lambda score: -score)


def logistic_discriminator_loss(
    t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False, fake_first: bool = False
) -> Tensor:
    """Discriminator loss of the original GAN: binary cross-entropy of real and fake (Goodfellow et al. 2014, equation 1).

    Options as in :func:`wgan_discriminator_loss`.
    """
    return _compute_discriminator_loss(t, discriminator, view, average, fake_first, real=lambda score: F.softplus(-score), fake=F.softplus)


def logistic_generator_loss(t: Translation, *, discriminator: str = "discriminator", view: str = "fake", average: bool = False) -> Tensor:
    """Non-saturating generator loss: cross-entropy of fakes with the label real (Goodfellow et al. 2014, section 3).

    Options as in :func:`wgan_discriminator_loss`.
    """
    return _compute_generator_loss(t, discriminator, view, average, lambda score: F.softplus(-score))


def _compute_discriminator_loss(
    t: Translation, discriminator: str, view: str, average: bool, fake_first: bool, *, real: ScoreLoss, fake: ScoreLoss
) -> Tensor:
    if fake_first:
        t.discriminate(view, slot=discriminator)  # computed now, and read below
    on_real = _reduce(t.discriminate("reference", slot=discriminator).scores, real, average)
    return on_real + _compute_generator_loss(t, discriminator, view, average, fake)


def _compute_generator_loss(t: Translation, discriminator: str, view: str, average: bool, score_loss: ScoreLoss) -> Tensor:
    return _reduce(t.discriminate(view, slot=discriminator).scores, score_loss, average)


def _reduce(scores: tuple[Tensor, ...], score_loss: ScoreLoss, average: bool) -> Tensor:
    losses = torch.stack([score_loss(promote_to_float32(score)).mean() for score in scores])
    return losses.mean() if average else losses.sum()


def promote_to_float32(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or in its own dtype if that is wider: means in half precision are too inexact for losses."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
