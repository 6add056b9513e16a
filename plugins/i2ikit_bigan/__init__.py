"""BiGAN and ALI: an encoder and a generator scored together (Donahue et al., Dumoulin et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

import math

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the joint discriminator and its game."""
    return [
        Component(
            "bigan_discriminator",
            role="discriminator",
            factory="i2ikit_bigan.discriminator:BiGANDiscriminator",
            description="Scores pairs of an image of the first domain and one of the second, patch by patch, whichever was made of the other.",
        ),
        Component(
            "bigan_discriminator_loss",
            role="loss",
            factory="i2ikit_bigan.losses:bigan_discriminator_loss",
            description="Joint discriminator: tells pairs that were drawn forward from pairs that were drawn backward.",
            curve="The cross entropy of both kinds of pairs: 0 if the discriminator tells them all apart, 2 ln 2 = 1.386 if it can only guess. "
            "Somewhat below that is a game in balance.",
            equilibrium=2 * math.log(2),
        ),
        Component(
            "bigan_generator_loss",
            role="loss",
            factory="i2ikit_bigan.losses:bigan_generator_loss",
            description="Pairs of either kind are taken for the other.",
            curve="The cross entropy of each kind of pairs being taken for the other: 2 ln 2 = 1.386 if the discriminator can only guess, more "
            "if it sees through them. It may well rise while the pictures improve, because the discriminator improves too.",
            equilibrium=2 * math.log(2),
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe for two domains of images."""
    return {"bigan": "i2ikit_bigan.recipe:BIGAN"}
