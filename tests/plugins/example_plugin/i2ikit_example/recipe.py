"""A recipe is data. Its module imports no torch."""

from __future__ import annotations

from i2ikit import Player, Recipe, Slot, Term

EXAMPLE = Recipe(
    name="example",
    slots={
        "encoder": Slot("identity_encoder"),
        "conditioner": Slot("stargan_conditioner"),
        "generator": Slot("stargan_generator"),
        "discriminator": Slot("stargan_discriminator"),
    },
    plan="labelled",
    players=(
        Player("discriminator", trains=("discriminator",), terms={"adversarial": Term("wgan_discriminator_loss")}),
        Player(
            "translator",
            trains=("encoder", "conditioner", "generator"),
            terms={"adversarial": Term("wgan_generator_loss"), "brightness": Term("example_brightness_loss", 0.1)},
        ),
    ),
    description="StarGAN with a loss that preserves the brightness of the source.",
)
