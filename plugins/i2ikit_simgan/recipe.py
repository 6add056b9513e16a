"""SimGAN, and what the CycleGAN paper made of it. Imports no torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

SIMGAN = Recipe(
    name="simgan",
    description="Makes synthetic images look real, one way, and holds each to the image that it was made of.",
    paper="Learning from Simulated and Unsupervised Images through Adversarial Training (Shrivastava et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("simgan_refiner", width=64, blocks=4),
        "discriminator": Slot("patch_discriminator", width=64, depth=2, norm="none"),
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
"""The paper's refiner for eyes, its losses, and its two steps of the refiner to one of the discriminator; docs say what is ours."""

FEATURE_LOSS_GAN = Recipe(
    name="feature-loss-gan",
    description="Translates one way, and holds the features of each translation to those of the image that it was made of.",
    paper="Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017), section 5.1.1",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", width=64),
        "discriminator": Slot("patch_discriminator", width=64, depth=3),
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
"""The losses of section 5.1.1 on CycleGAN's own networks and numbers, as the paper has it for all of its baselines but CoGAN."""
