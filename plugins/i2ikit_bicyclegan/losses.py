"""What BicycleGAN asks of styles."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation
from i2ikit.losses.adversarial import precise
from i2ikit_bicyclegan.styles import posterior_of_fake, posterior_of_truth


def style_kl_loss(t: Translation, *, official: bool = False) -> Tensor:
    """The styles of true targets are distributed like those from the prior (BicycleGAN, section 3.2).

    The Kullback-Leibler divergence from the standard normal distribution: the sum over the style's entries, the mean over the images.

    Args:
        t: The translation.
        official: The sum over the images, as in the original code, which is called with one image.
    """
    mean, logvar = (precise(each) for each in t[posterior_of_truth])
    costs = (mean.square() + logvar.exp() - logvar - 1).sum(1) / 2
    return costs.sum() if official else costs.mean()


def latent_loss(t: Translation) -> Tensor:
    """The style that a translation was drawn with is read off it again (BicycleGAN, section 3.3).

    The mean absolute difference from the mean of the distribution that is read. Give its term ``updates=("generator",)``: an encoder
    that learns from it too hides the style in the image together with the generator (section 4).
    """
    return (precise(t[posterior_of_fake].mean) - precise(t.style)).abs().mean()
