"""StarGAN: one generator for many domains (Choi et al., 2018). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the components of StarGAN."""
    return [
        Component(
            "stargan_conditioner",
            role="conditioner",
            factory="i2ikit_stargan.conditioner:LabelPlanes",
            description="Conditioner of StarGAN: concatenates target label and mask with the code, as one constant channel per entry.",
        ),
        Component(
            "stargan_generator",
            role="generator",
            factory="i2ikit_stargan.generator:StarGANGenerator",
            description="Generator of StarGAN: downsampling, residual blocks with instance norm, upsampling.",
        ),
        Component(
            "stargan_discriminator",
            role="discriminator",
            factory="i2ikit_stargan.discriminator:StarGANDiscriminator",
            description="Discriminator of StarGAN: scores patches, and predicts the label of the image by an auxiliary classifier.",
        ),
        Component(
            "domain_real_loss",
            role="loss",
            factory="i2ikit_stargan.losses:domain_real_loss",
            description="Domain classification loss of StarGAN on real images: the discriminator predicts their labels.",
            curve="The classification error of the discriminator on real images. Guessing costs ln k for an attribute of k values and "
            "ln 2 = 0.69 for each binary attribute. The curve falls towards 0 while the discriminator learns the labels.",
        ),
        Component(
            "domain_fake_loss",
            role="loss",
            factory="i2ikit_stargan.losses:domain_fake_loss",
            description="Domain classification loss of StarGAN on translations: the discriminator predicts the target label from them.",
            curve="The classification error of the discriminator for the target labels of the translations. It begins at the level of "
            "guessing or above (ln k for an attribute of k values, 0.69 for a binary one) and falls when the changes become visible. If "
            "it reaches the curve of the real images, the attributes are as clear in the translations as in real images.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper and the fast variant."""
    return {"stargan": "i2ikit_stargan.recipe:STARGAN", "stargan-fast": "i2ikit_stargan.recipe:STARGAN_FAST"}


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"stargan": "i2ikit_stargan.official:import_official"}
