"""The components of the library itself, as a plugin like any other. It contains hooks only and does not import torch."""

from __future__ import annotations

import math

from i2ikit import Component, hookimpl

_ADVERSARIAL = "i2ikit.losses.adversarial"
_PENALTIES = "i2ikit.losses.penalties"
_RECONSTRUCTION = "i2ikit.losses.reconstruction"

_MEAN_ABSOLUTE_ERROR = "Mean absolute error in units of [-1, 1]: 0.1 is about 13 of 255 grey levels."

_LOSSES = (
    Component(
        "wgan_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:wgan_discriminator_loss",
        "Discriminator loss of WGAN: mean score of fakes minus mean score of real images.",
        curve="Minus the discriminator's estimate of the distance between fakes and real images. It drops below 0 when the discriminator "
        "starts to learn, then rises towards 0 as the fakes improve. It stays slightly below 0.",
        equilibrium=0.0,
    ),
    Component(
        "wgan_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:wgan_generator_loss",
        "Generator loss of WGAN: minus the mean score of fakes.",
        curve="Minus the mean score of the fakes. Scores have no fixed zero, so this curve may drift up or down, and its level has no "
        "meaning. The discriminator's curve shows how close the fakes are to real images.",
    ),
    Component(
        "lsgan_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:lsgan_discriminator_loss",
        "Discriminator loss of LSGAN: squared distance of real scores from 1 and of fake scores from 0.",
        curve="0 if the discriminator separates all fakes from all real images, 0.5 if it cannot and scores everything 0.5. Slightly "
        "below 0.5, discriminator and translator are balanced. Close to 0, the translator learns little from the discriminator.",
        equilibrium=0.5,
    ),
    Component(
        "lsgan_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:lsgan_generator_loss",
        "Generator loss of LSGAN: squared distance of fake scores from 1.",
        curve="Squared distance of the fakes' scores from 1: 1 if the discriminator recognises all fakes, 0.25 if it scores everything "
        "0.5, 0 if it takes all fakes for real images.",
        equilibrium=0.25,
    ),
    Component(
        "hinge_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:hinge_discriminator_loss",
        "Discriminator loss in hinge form: real scores should be above 1, fake scores below -1.",
        curve="0 if the discriminator separates all fakes from all real images, 2 if it cannot. Slightly below 2, discriminator and "
        "translator are balanced.",
        equilibrium=2.0,
    ),
    Component(
        "hinge_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:hinge_generator_loss",
        "Generator loss in hinge form: minus the mean score of fakes.",
        curve="Minus the mean score of the fakes: about 1 or more if the discriminator recognises them, near 0 if it is undecided, below "
        "0 if it takes them for real images. It goes up and down and has no fixed level.",
    ),
    Component(
        "logistic_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:logistic_discriminator_loss",
        "Discriminator loss of the original GAN: binary cross-entropy of real and fake.",
        curve="Cross-entropy of fakes plus cross-entropy of real images: 0 if the discriminator separates them all, 2 ln 2 = 1.386 if it "
        "can only guess. Slightly below that, discriminator and translator are balanced.",
        equilibrium=2 * math.log(2),
    ),
    Component(
        "logistic_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:logistic_generator_loss",
        "Generator loss of the original GAN, non-saturating: cross-entropy of fakes with the label real.",
        curve="Cross-entropy of fakes with the label real: ln 2 = 0.693 if the discriminator can only guess, more if it recognises the "
        "fakes. It may rise while the images improve, because the discriminator improves too.",
        equilibrium=math.log(2),
    ),
    Component(
        "gradient_penalty_loss",
        "loss",
        f"{_PENALTIES}:gradient_penalty_loss",
        "Gradient penalty of WGAN-GP: the discriminator's gradient between real and fake images should have norm 1.",
        curve="Squared distance of the discriminator's gradient norm from 1. It starts near 1, falls quickly and stays small. If it "
        "grows, the discriminator's estimate of the distance is not reliable.",
    ),
    Component(
        "r1_loss",
        "loss",
        f"{_PENALTIES}:r1_loss",
        "R1 penalty: squared gradient of the discriminator on real images.",
        curve="Squared gradient of the discriminator on real images. It rises while the discriminator learns, and falls towards 0 as "
        "fakes become more similar to real images. If it grows without limit, the discriminator is too strong for the translator.",
    ),
    Component(
        "cycle_loss",
        "loss",
        f"{_RECONSTRUCTION}:cycle_loss",
        "Cycle-consistency loss: translating to the target and back should give the source image.",
        curve=f"Difference between the source image and its translation to the target and back. {_MEAN_ABSOLUTE_ERROR} With "
        "squared=True it is the mean squared error. It falls and stays above 0, because a translation must change something.",
    ),
    Component(
        "recon_loss",
        "loss",
        f"{_RECONSTRUCTION}:recon_loss",
        "Image reconstruction loss: decoding an image's own code should give the image.",
        curve=f"Difference between an image and its reconstruction from its own code. {_MEAN_ABSOLUTE_ERROR} It falls towards 0.",
    ),
    Component(
        "identity_loss",
        "loss",
        f"{_RECONSTRUCTION}:identity_loss",
        "Identity loss: an image that is already in the target domain should not change.",
        curve=f"Difference between an image of the target domain and its translation to that domain. {_MEAN_ABSOLUTE_ERROR} It falls "
        "towards 0.",
    ),
    Component(
        "l1_loss",
        "loss",
        f"{_RECONSTRUCTION}:l1_loss",
        "L1 loss: the translation should equal the target image of its pair.",
        curve=f"Difference between the translations and the target images of the training pairs. {_MEAN_ABSOLUTE_ERROR} It falls. A "
        "falling curve does not mean that translations of held-out images improve.",
    ),
    Component(
        "domain_invariant_perceptual_loss",
        "loss",
        "i2ikit.losses.perceptual:DomainInvariantPerceptualLoss",
        "Perceptual loss of MUNIT: squared distance of instance-normalised VGG-16 features of source and translation; requires weights.",
        curve="Distance between the features of translations and of their sources: 2 for unrelated images, 0 for equal ones. It falls "
        "and stays well above 0.",
    ),
)


_WRAPPERS = (
    Component(
        "diff_augment",
        "wrapper",
        "i2ikit.nn.diff_augment:DiffAugment",
        "DiffAugment: the same random changes of real and generated images before the discriminator scores them; for small data sets.",
    ),
    Component(
        "feature_taps",
        "wrapper",
        "i2ikit.nn.feature_taps:FeatureTaps",
        "Feature taps: the outputs of inner modules of a network become maps that losses can read.",
    ),
)

_PLANS = {
    "labelled": "Translates each image to the label of another image of the batch (StarGAN).",
    "paired": "Translates each image towards its target image (pix2pix).",
    "unpaired": "Translates between the domains, in both directions or in one (CycleGAN, MUNIT, SimGAN).",
    "sampled": "Generates images from noise (StyleGAN).",
    "images": "Translates each image to itself, its own target: for inversion (pSp) and autoencoding.",
}


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the plans, and the identity encoder, the discriminators, the losses and the wrappers that several families share."""
    return [
        Component(
            "identity_encoder",
            "encoder",
            "i2ikit.nn.identity:IdentityEncoder",
            "Passes the image on as the code's only map (StarGAN, CycleGAN).",
        ),
        Component(
            "patch_discriminator",
            "discriminator",
            "i2ikit.nn.discriminators:PatchDiscriminator",
            "PatchGAN discriminator: scores overlapping patches, or pixels, at one or several scales; can be conditional on the source.",
        ),
        Component(
            "multiscale_discriminator",
            "discriminator",
            "i2ikit.nn.multiscale_discriminator:MultiscaleDiscriminator",
            "Multi-scale discriminator of MUNIT and UNIT: scores patches at full, half and quarter resolution.",
        ),
        *_LOSSES,
        *_WRAPPERS,
        *(Component(name, "plan", f"i2ikit.core.plans:{name}", description) for name, description in _PLANS.items()),
    ]
