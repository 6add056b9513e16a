"""BicycleGAN: many outputs of one input, learnt from pairs (Zhu et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of BicycleGAN; discriminators and image losses are the library's own."""
    return [
        Component(
            "bicyclegan_generator",
            role="generator",
            factory="i2ikit_bicyclegan.generator:BicycleGANGenerator",
            description="U-Net from image and style to image; the style enters at every size, or at the input.",
        ),
        Component(
            "bicyclegan_style_encoder",
            role="encoder",
            factory="i2ikit_bicyclegan.style_encoder:BicycleGANStyleEncoder",
            description="Reads the style off an image, as a Gaussian.",
        ),
        Component(
            "bicyclegan_two_styles",
            role="plan",
            factory="i2ikit_bicyclegan.plan:two_styles",
            description="Translates each pair with the style of its target and with one from the prior.",
        ),
        Component(
            "style_kl_loss",
            role="loss",
            factory="i2ikit_bicyclegan.losses:style_kl_loss",
            description="The styles of true targets are distributed like those from the prior.",
            curve="How much the styles of the targets say, in nats an image: 0 if all of them look like noise, and then the style says "
            "nothing. It rises while the encoder learns and settles where what a style tells is worth its price.",
        ),
        Component(
            "latent_loss",
            role="loss",
            factory="i2ikit_bicyclegan.losses:latent_loss",
            description="The style that a translation was drawn with is read off it again.",
            curve="How far the style that is read off a translation is from the one it was drawn with, each entry. Reading none of it "
            "costs 0.8, the mean size of a normal number; it falls as styles become visible in the pictures.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe, what it compares with, and the fast one."""
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
    """Return what reads the original code's weights."""
    return {"bicyclegan": "i2ikit_bicyclegan.official:import_official"}
