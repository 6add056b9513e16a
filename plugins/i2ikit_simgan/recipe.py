"""Recipes of SimGAN, and of its variant with a feature loss in the CycleGAN paper. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

SIMGAN = Recipe(
    name="simgan",
    description="SimGAN: one-way refinement of synthetic images, with an adversarial and a self-regularization loss.",
    paper="Learning from Simulated and Unsupervised Images through Adversarial Training (Shrivastava et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("simgan_refiner", {"width": 64, "blocks": 4}),
        "discriminator": Slot("patch_discriminator", {"width": 64, "depth": 2, "norm": "none"}),
    },
    plan="unpaired",
    plan_options={"directions": "forward"},
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={"adversarial": Term("logistic_generator_loss"), "self": Term("self_regularization_loss", 10.0)},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("logistic_discriminator_loss")},
            every=2,
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
            pool=1024,
        ),
    ),
    image=ImageSpec(1, 35, 55),
    labels=("synthetic", "real"),
    batch=512,
    steps=10_000,
    schedule=Schedule("constant"),
    flip=False,
)
"""Refiner for eyes and losses of the paper, with two refiner steps per discriminator step. See docs/systems/relatives.md."""

FEATURE_LOSS_GAN = Recipe(
    name="feature-loss-gan",
    description="Feature loss + GAN of the CycleGAN paper: one-way translation whose VGG-16 features stay close to those of the source.",
    paper="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017), section 5.1.1",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", {"width": 64}),
        "discriminator": Slot("patch_discriminator", {"width": 64, "depth": 3}),
    },
    plan="unpaired",
    plan_options={"directions": "forward"},
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={"adversarial": Term("lsgan_generator_loss"), "feature": Term("feature_regularization_loss", 10.0)},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("lsgan_discriminator_loss", 0.5)},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999)),
            pool=50,
        ),
    ),
    image=ImageSpec(3, 256, 256),
    labels=("labels", "photo"),
    batch=1,
    steps=200_000,
    schedule=Schedule("linear", start=0.5),
)
"""The losses of section 5.1.1, on the networks and settings of CycleGAN, which the paper uses for all baselines except CoGAN."""
