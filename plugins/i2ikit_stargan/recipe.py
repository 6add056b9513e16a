"""Recipes of StarGAN: the settings of the paper, and a variant that learns in minutes. Does not import torch."""

from __future__ import annotations

from i2ikit import DomainSpec, ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

CELEBA = DomainSpec.parse({"hair": ("black", "blond", "brown"), "male": bool, "young": bool}).allow_none(["hair"])
"""The paper's five labels, in the order of the original's columns: Black_Hair, Blond_Hair, Brown_Hair, Male, Young. Hair can be none."""

STARGAN = Recipe(
    name="stargan",
    description="StarGAN: multi-domain translation by one generator, which takes the image and the target label.",
    paper="StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation (Choi et al., 2018)",
    slots={
        "encoder": Slot("identity_encoder"),
        "conditioner": Slot("stargan_conditioner"),
        "generator": Slot("stargan_generator", {"width": 64, "blocks": 6}),
        "discriminator": Slot("stargan_discriminator", {"width": 64}),
    },
    plan="labelled",
    players=(
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={
                "adversarial": Term("wgan_discriminator_loss"),
                "penalty": Term("gradient_penalty_loss", 10.0),
                "domain": Term("domain_real_loss"),
            },
            optimizer=Optimizer("adam", lr=1e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "translator",
            trains=("encoder", "conditioner", "generator"),
            terms={
                "adversarial": Term("wgan_generator_loss"),
                "domain": Term("domain_fake_loss"),
                "cycle": Term("cycle_loss", 10.0),
            },
            every=5,
            optimizer=Optimizer("adam", lr=1e-4, betas=(0.5, 0.999)),
        ),
    ),
    image=ImageSpec(3, 128, 128),
    labels=CELEBA,
    batch=16,
    steps=200_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    official={
        "schedule": Schedule("linear", start=0.5, every=1000),
        "retranslate": True,
        "generator": {"track": True},
        "terms": {"discriminator/domain": {"official": True}, "translator/domain": {"official": True}},
    },
)
"""Networks, losses and settings of the paper (sections 3.1, 4 and 5.3, tables 4 and 5). The original code has the same number of steps."""

STARGAN_FAST = Recipe(
    name="stargan-fast",
    description="StarGAN with smaller networks, a masked output and a conditional discriminator: learns in minutes.",
    paper=STARGAN.paper,
    slots={
        "encoder": Slot("identity_encoder"),
        "conditioner": Slot("stargan_conditioner"),
        "generator": Slot("stargan_generator", {"width": 16, "blocks": 3, "output": "masked", "patch": 2}),
        "discriminator": Slot("stargan_discriminator", {"width": 32, "depth": 4, "max_width": 256, "conditional": True}),
    },
    plan="labelled",
    players=(
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={
                "adversarial": Term("lsgan_discriminator_loss"),
                "domain": Term("domain_real_loss"),
            },
            optimizer=Optimizer("adam", lr=4e-4, betas=(0.5, 0.999)),
        ),
        Player(
            "translator",
            trains=("encoder", "conditioner", "generator"),
            terms={
                "adversarial": Term("lsgan_generator_loss"),
                "domain": Term("domain_fake_loss"),
                "cycle": Term("cycle_loss", 10.0),
            },
            optimizer=Optimizer("adam", lr=4e-4, betas=(0.5, 0.999)),
        ),
    ),
    image=STARGAN.image,
    labels=CELEBA,
    batch=8,
    steps=10_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    ema=0.998,
)
"""The same components for a budget of minutes. docs/systems/stargan.md lists the changes and the reasons."""
