"""A recipe is data. Its module imports no torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Player, Recipe, Slot, Term

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

INPAINTING = Recipe(
    name="example-inpainting",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator"),
        "discriminator": Slot("patch_discriminator"),
    },
    plan="example_fill_holes",
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={"adversarial": Term("lsgan_generator_loss"), "l1": Term("l1_loss", 100.0)},
        ),
        Player("discriminator", trains=("discriminator",), terms={"adversarial": Term("lsgan_discriminator_loss")}),
    ),
    image=ImageSpec(3, 64, 64),
    description="Fills holes in images, by the networks of other plugins and a plan of its own.",
)
