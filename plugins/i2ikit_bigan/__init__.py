"""BiGAN and ALI: a joint discriminator for encoder and generator (Donahue et al., Dumoulin et al., 2017). Only hooks; no torch import."""

from __future__ import annotations

import math

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the joint discriminator and its losses."""
    return [
        Component(
            "bigan_discriminator",
            role="discriminator",
            factory="i2ikit_bigan.discriminator:BiGANDiscriminator",
            description="Joint discriminator of BiGAN: scores patches of image pairs; one image is the translation of the other.",
        ),
        Component(
            "bigan_discriminator_loss",
            role="loss",
            factory="i2ikit_bigan.losses:bigan_discriminator_loss",
            description="Discriminator loss of BiGAN: separates the pairs of forward translations from those of backward translations.",
            curve="The cross entropy of both kinds of pairs: 0 if the discriminator distinguishes all of them, 2 ln 2 = 1.386 if it can "
            "only guess. A value somewhat below that is a balanced training.",
            equilibrium=2 * math.log(2),
        ),
        Component(
            "bigan_generator_loss",
            role="loss",
            factory="i2ikit_bigan.losses:bigan_generator_loss",
            description="Generator loss of BiGAN: the discriminator takes pairs of each translation direction for the other.",
            curve="The cross entropy of both kinds of pairs with exchanged targets: 2 ln 2 = 1.386 if the discriminator can only guess, "
            "more if it recognises them. The curve may rise while the images improve, because the discriminator improves too.",
            equilibrium=2 * math.log(2),
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe for two domains of images."""
    return {"bigan": "i2ikit_bigan.recipe:BIGAN"}
