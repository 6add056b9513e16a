"""Recipe of CoGAN with the settings of the paper for faces. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

COGAN = Recipe(
    name="cogan",
    description="CoGAN: generates pairs of images of two domains from the same noise, by generators that share their first layers.",
    paper="Coupled Generative Adversarial Networks (Liu and Tuzel, 2016)",
    slots={
        "generator": Slot("cogan_generator", per="domain", shared=("trunk",)),
        "discriminator": Slot("cogan_discriminator", per="domain", shared=("trunk",)),
    },
    plan="cogan_plan",
    plan_options={"style": 100},
    players=(
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("logistic_discriminator_loss")},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "translator",
            trains=("generator",),
            terms={"adversarial": Term("logistic_generator_loss")},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
    ),
    image=ImageSpec(3, 128, 128),
    labels=("dark", "blond"),
    batch=128,
    steps=25_000,
    schedule=Schedule("constant"),
)
"""Losses, weight sharing, optimizer, batch size and number of steps of the paper (section 4)."""
