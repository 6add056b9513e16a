"""StarGAN: one generator for many domains (Choi et al., 2018). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of StarGAN."""
    return [
        Component(
            "stargan_conditioner",
            role="conditioner",
            factory="i2ikit_stargan.conditioner:LabelPlanes",
            description="Appends the target label and its mask to the code, one constant plane an entry.",
        ),
        Component(
            "stargan_generator",
            role="generator",
            factory="i2ikit_stargan.generator:StarGANGenerator",
            description="Residual generator with instance norm: two steps down, residual blocks, two steps up.",
        ),
        Component(
            "stargan_discriminator",
            role="discriminator",
            factory="i2ikit_stargan.discriminator:StarGANDiscriminator",
            description="Patch discriminator with a domain head that reads the label off the image.",
        ),
        Component(
            "domain_real_loss",
            role="loss",
            factory="i2ikit_stargan.losses:domain_real_loss",
            description="The domain head reads the source label off real images.",
            curve="How badly the discriminator reads the labels of real images. Guessing costs ln k for a group of k values and ln 2 = 0.69 for "
            "each yes-or-no attribute; it falls towards 0 as the discriminator learns them.",
        ),
        Component(
            "domain_fake_loss",
            role="loss",
            factory="i2ikit_stargan.losses:domain_fake_loss",
            description="The domain head reads the target label off translations.",
            curve="How badly the discriminator reads the wanted labels off the translations. It begins at guessing or above (ln k for a group of "
            "k values, 0.69 for yes or no) and falls as the changes become visible; where it meets the curve of the real images, they are "
            "as clear as there.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe and the fast one."""
    return {"stargan": "i2ikit_stargan.recipe:STARGAN", "stargan-fast": "i2ikit_stargan.recipe:STARGAN_FAST"}


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return what reads the original code's weights."""
    return {"stargan": "i2ikit_stargan.official:import_official"}
