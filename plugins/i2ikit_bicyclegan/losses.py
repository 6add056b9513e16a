"""What BicycleGAN asks of styles."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation
from i2ikit.losses.adversarial import precise
from i2ikit_bicyclegan.styles import posterior_by_fixed_encoder, posterior_of_fake, posterior_of_target


def style_kl_loss(t: Translation, *, official: bool = False) -> Tensor:
    """The styles of true targets are distributed like those from the prior (BicycleGAN, section 3.2).

    The Kullback-Leibler divergence from the standard normal distribution: the sum over the style's entries, the mean over the images.

    Args:
        t: The translation.
        official: The sum over the images, as in the original code, which is called with one image.
    """
    mean, logvar = (precise(each) for each in t[posterior_of_target])
    costs = (mean.square() + logvar.exp() - logvar - 1).sum(1) / 2
    return costs.sum() if official else costs.mean()


def latent_loss(t: Translation, *, fixed: bool = True) -> Tensor:
    """The style that a translation was drawn with is read off it again (BicycleGAN, section 3.3).

    The mean absolute difference from the mean of the distribution that is read.

    Args:
        t: The translation.
        fixed: Whether the encoder learns nothing from it, as in BicycleGAN: otherwise it hides the style in the image together with the
            generator (section 4). In cLR-GAN it has nothing else to learn from.
    """
    read = t[posterior_by_fixed_encoder if fixed else posterior_of_fake].mean
    return (precise(read) - precise(t.style)).abs().mean()
