"""BicycleGAN: multimodal translation from paired images (Zhu et al., 2017). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the components of BicycleGAN. Its discriminators and image losses come with the library."""
    return [
        Component(
            "bicyclegan_generator",
            role="generator",
            factory="i2ikit_bicyclegan.generator:BicycleGANGenerator",
            description="Generator of BicycleGAN: a U-Net that takes the style at every downsampling layer, or only at the input.",
        ),
        Component(
            "bicyclegan_style_encoder",
            role="encoder",
            factory="i2ikit_bicyclegan.style_encoder:BicycleGANStyleEncoder",
            description="Style encoder of BicycleGAN: maps an image to a Gaussian distribution over styles.",
        ),
        Component(
            "bicyclegan_two_styles",
            role="plan",
            factory="i2ikit_bicyclegan.plan:two_styles",
            description="Plan of BicycleGAN: translates each image with the encoded style of its target, and with a style from the prior.",
        ),
        Component(
            "style_kl_loss",
            role="loss",
            factory="i2ikit_bicyclegan.losses:style_kl_loss",
            description="KL loss of BicycleGAN: the distribution of encoded styles stays close to the prior, a normal distribution.",
            curve="How much information the encoded styles hold, in nats per image. At 0 they do not differ from noise and hold no "
            "information. The curve rises while the encoder learns. It stays where more information would cost more than it "
            "improves the images.",
        ),
        Component(
            "latent_loss",
            role="loss",
            factory="i2ikit_bicyclegan.losses:latent_loss",
            description="Latent regression loss of BicycleGAN: the style encoder recovers the style of a translation from the image.",
            curve="Mean absolute error per entry between the style of a translation and the style that the encoder recovers from it. An "
            "encoder that recovers nothing has 0.8, the mean absolute value of a normal number. The curve falls when styles "
            "become visible.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper, the methods that it compares with, and the fast variant."""
    return {
        "bicyclegan": "i2ikit_bicyclegan.recipe:BICYCLEGAN",
        "cvae-gan": "i2ikit_bicyclegan.recipe:CVAE_GAN",
        "cvae-gan++": "i2ikit_bicyclegan.recipe:CVAE_GAN_PLUS",
        "cae-gan": "i2ikit_bicyclegan.recipe:CAE_GAN",
        "clr-gan": "i2ikit_bicyclegan.recipe:CLR_GAN",
        "pix2pix+noise": "i2ikit_bicyclegan.recipe:PIX2PIX_NOISE",
        "bicyclegan-fast": "i2ikit_bicyclegan.recipe:BICYCLEGAN_FAST",
    }


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"bicyclegan": "i2ikit_bicyclegan.official:import_official"}
