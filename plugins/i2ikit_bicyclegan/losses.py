"""BicycleGAN's losses on styles."""

from __future__ import annotations

from torch import Tensor

from i2ikit import Translation
from i2ikit.losses.adversarial import promote_to_float32
from i2ikit_bicyclegan.styles import posterior_by_fixed_encoder, posterior_of_fake, posterior_of_target


def style_kl_loss(t: Translation, *, official: bool = False) -> Tensor:
    """KL divergence between the encoded style of the target image and the prior (BicycleGAN, section 3.2).

    The prior is the standard normal distribution. The loss is the sum over the entries of the style and the mean over the images.

    Args:
        t: The translation.
        official: Take the sum over the images instead of the mean, as the original code does, which calls it with one image.
    """
    mean, logvar = (promote_to_float32(each) for each in t[posterior_of_target])
    kl = (mean.square() + logvar.exp() - logvar - 1).sum(1) / 2
    return kl.sum() if official else kl.mean()


def latent_loss(t: Translation, *, fixed: bool = True) -> Tensor:
    """Latent regression loss: the style encoder recovers the style of a translation from the image (BicycleGAN, section 3.3).

    The mean absolute difference between the style and the mean of the predicted distribution.

    Args:
        t: The translation.
        fixed: Whether the encoder gets no gradient from this loss, as in BicycleGAN. Otherwise generator and encoder could hide the style
            in the image (section 4). In cLR-GAN the encoder has no other loss.
    """
    recovered = t[posterior_by_fixed_encoder if fixed else posterior_of_fake].mean
    return (promote_to_float32(recovered) - promote_to_float32(t.style)).abs().mean()
