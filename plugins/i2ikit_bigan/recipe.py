"""Recipe of BiGAN and ALI for two image domains. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

BIGAN = Recipe(
    name="bigan",
    description="BiGAN/ALI for two image domains: a joint discriminator scores pairs of source and translation of both directions.",
    paper="Adversarial Feature Learning (Donahue et al., 2017); Adversarially Learned Inference (Dumoulin et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", {"width": 64}, per="pair"),
        "discriminator": Slot("bigan_discriminator", {"width": 64, "depth": 3}),
    },
    plan="unpaired",
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={"adversarial": Term("bigan_generator_loss")},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("bigan_discriminator_loss")},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
    ),
    image=ImageSpec(3, 256, 256),
    labels=("labels", "photo"),
    batch=1,
    steps=200_000,
    schedule=Schedule("linear", start=0.5),
)
"""Losses of the papers, with images of the first domain in place of noise, and networks and settings of the CycleGAN paper."""
