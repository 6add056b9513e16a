"""What the library brings by itself: a plugin like any other. Hooks only, imports no torch."""

from __future__ import annotations

import math

from i2ikit import Component, hookimpl

_ADVERSARIAL = "i2ikit.losses.adversarial"
_PENALTIES = "i2ikit.losses.penalties"
_RECONSTRUCTION = "i2ikit.losses.reconstruction"

_PIXELS = "Mean absolute difference of the pixels, in units of [-1, 1]: 0.1 is about 13 of 255 gray levels."

_LOSSES = (
    Component(
        "wgan_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:wgan_discriminator_loss",
        "Wasserstein discriminator: scores of fakes down, scores of real images up.",
        curve="Minus the discriminator's estimate of the distance between fakes and real images. It drops below 0 as soon as the discriminator learns, "
        "then climbs back towards 0 as the fakes come closer; it stays somewhat below.",
        equilibrium=0.0,
    ),
    Component(
        "wgan_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:wgan_generator_loss",
        "Wasserstein translator: scores of fakes up.",
        curve="Minus the mean score of the fakes. Scores have no zero of their own, so this curve may drift either way and its level "
        "says nothing; the discriminator's curve tells how close the fakes are.",
    ),
    Component(
        "lsgan_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:lsgan_discriminator_loss",
        "Least-squares discriminator: scores of real images to 1, of fakes to 0.",
        curve="0 if the discriminator tells every fake from every real image, 0.5 if it cannot and answers one half to all. Somewhat below 0.5 "
        "is a game in balance; close to 0 the translator learns little from it.",
        equilibrium=0.5,
    ),
    Component(
        "lsgan_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:lsgan_generator_loss",
        "Least-squares translator: scores of fakes to 1.",
        curve="How far the fakes' scores are from 1, squared: 1 if the discriminator sees through all of them, 0.25 if it answers one half to "
        "all, 0 if it takes all for real.",
        equilibrium=0.25,
    ),
    Component(
        "hinge_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:hinge_discriminator_loss",
        "Hinge discriminator: scores of real images above 1, of fakes below -1.",
        curve="0 if the discriminator keeps every fake and every real image apart, 2 if it cannot. Somewhat below 2 is a game in balance.",
        equilibrium=2.0,
    ),
    Component(
        "hinge_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:hinge_generator_loss",
        "Hinge translator: scores of fakes up.",
        curve="Minus the mean score of the fakes: around 1 or above the discriminator sees through them, near 0 it hesitates, below 0 it takes "
        "them for real. It swings and has no fixed level.",
    ),
    Component(
        "logistic_discriminator_loss",
        "loss",
        f"{_ADVERSARIAL}:logistic_discriminator_loss",
        "Logistic discriminator: real or fake as cross entropy.",
        curve="The cross entropy of fakes plus that of real images: 0 if the discriminator tells them all apart, 2 ln 2 = 1.386 if it can only "
        "guess. Somewhat below that is a game in balance.",
        equilibrium=2 * math.log(2),
    ),
    Component(
        "logistic_generator_loss",
        "loss",
        f"{_ADVERSARIAL}:logistic_generator_loss",
        "Logistic translator, non-saturating: fakes taken for real.",
        curve="The cross entropy of fakes being taken for real: ln 2 = 0.693 if the discriminator can only guess, more if it sees through them. "
        "It may well rise while the pictures improve, because the discriminator improves too.",
        equilibrium=math.log(2),
    ),
    Component(
        "gradient_penalty_loss",
        "loss",
        f"{_PENALTIES}:gradient_penalty_loss",
        "WGAN-GP: the discriminator's gradient between real and fake images has norm 1.",
        curve="How far the slope of the discriminator is from 1, squared. It begins near 1, falls quickly and stays small; if it grows, the "
        "discriminator's estimate of the distance means nothing.",
    ),
    Component(
        "r1_loss",
        "loss",
        f"{_PENALTIES}:r1_loss",
        "R1: the discriminator's gradient vanishes on real images.",
        curve="How steep the discriminator is on real images. It rises while the discriminator learns and falls towards 0 as it has less to tell "
        "apart; unlimited growth means that the discriminator overpowers the translator.",
    ),
    Component(
        "cycle_loss",
        "loss",
        f"{_RECONSTRUCTION}:cycle_loss",
        "There and back again gives the image itself.",
        curve=f"What is lost on the way to the target and back. {_PIXELS} It falls and stays above 0, because a translation has to "
        "change something.",
    ),
    Component(
        "recon_loss",
        "loss",
        f"{_RECONSTRUCTION}:recon_loss",
        "Drawing an image from its own code gives the image itself.",
        curve=f"What the code does not hold of its own image. {_PIXELS} It falls towards 0.",
    ),
    Component(
        "identity_loss",
        "loss",
        f"{_RECONSTRUCTION}:identity_loss",
        "An image that is already in the target domain stays as it is.",
        curve=f"What is changed although nothing should be. {_PIXELS} It falls towards 0.",
    ),
    Component(
        "l1_loss",
        "loss",
        f"{_RECONSTRUCTION}:l1_loss",
        "The translation equals the true target.",
        curve=f"How far the translations are from the true targets of the training images. {_PIXELS} It falls; that it goes on falling "
        "does not say that held-out images improve.",
    ),
    Component(
        "domain_invariant_perceptual_loss",
        "loss",
        "i2ikit.losses.perceptual:DomainInvariantPerceptualLoss",
        "The translation shows what its source shows, by normalised features of a VGG-16 whose weights are given.",
        curve="How far what translations show is from what their sources show. 2 for images that have nothing in common, 0 for equal ones; "
        "it falls and stays well above 0.",
    ),
)


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the identity encoder and the losses that several families share."""
    return [
        Component("identity_encoder", "encoder", "i2ikit.nn.identity:IdentityEncoder", "The image itself is the code, as one map."),
        Component(
            "patch_discriminator",
            "discriminator",
            "i2ikit.nn.discriminators:PatchDiscriminator",
            "Scores overlapping patches, or pixels, at one or several scales; beside the source image where it is conditional.",
        ),
        Component(
            "multiscale_discriminator",
            "discriminator",
            "i2ikit.nn.multiscale_discriminator:MultiscaleDiscriminator",
            "Scores patches at full, half and quarter resolution, by a discriminator each (MUNIT, UNIT).",
        ),
        *_LOSSES,
    ]
