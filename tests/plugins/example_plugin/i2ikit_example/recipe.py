"""A recipe is data: torch is not imported for it."""

from __future__ import annotations

from i2ikit import Player, Recipe, Slot, Term

EXAMPLE = Recipe(
    name="example",
    slots={
        "encoder": Slot("identity_encoder"),
        "conditioner": Slot("stargan_conditioner"),
        "generator": Slot("stargan_generator"),
        "discriminator": Slot("stargan_critic"),
    },
    plan="labelled",
    players=(
        Player("critic", trains=("discriminator",), terms={"adversarial": Term("wgan_critic_loss")}),
        Player(
            "translator",
            trains=("encoder", "conditioner", "generator"),
            terms={"adversarial": Term("wgan_translator_loss"), "brightness": Term("example_brightness_loss", 0.1)},
        ),
    ),
    says="StarGAN that keeps the brightness of its source.",
)
