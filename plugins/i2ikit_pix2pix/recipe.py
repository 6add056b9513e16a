"""Recipes of pix2pix: the settings of the paper, its ablations, and a variant that learns in minutes. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

ADAM = Optimizer("adam", lr=2e-4, betas=(0.5, 0.999))

PIX2PIX = Recipe(
    name="pix2pix",
    description="pix2pix: paired translation by a U-Net, with a conditional discriminator and an L1 loss to the target image.",
    paper="Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("pix2pix_unet", {"width": 64}),
        "discriminator": Slot("patch_discriminator", {"width": 64, "depth": 3, "norm": "batch", "conditional": True}),
    },
    plan="paired",
    players=(
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("logistic_discriminator_loss", 0.5)},  # "we divide the objective by 2 while optimizing D" (3.3)
            optimizer=ADAM,
        ),
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={"adversarial": Term("logistic_generator_loss"), "l1": Term("l1_loss", 100.0)},
            optimizer=ADAM,
        ),
    ),
    image=ImageSpec(3, 256, 256),
    batch=1,
    steps=80_000,
    schedule=Schedule("linear", start=0.5),
    flip=True,
    jitter=30 / 256,
    official={"generator": {"late_dropout": True}, "terms": {"discriminator/adversarial": {"fake_first": True}}},
)
"""Networks, losses and settings of the paper (sections 3 and 3.3, appendix 6): 200 epochs of 400 facades. The decay is that of its code."""

PIX2PIX_L1 = PIX2PIX.with_overrides(
    name="pix2pix-l1",
    description="pix2pix without a discriminator: the L1 loss alone, with blurry results (the ablation L1 of the paper).",
    discriminator=None,
    players={"discriminator": None},
    terms={"translator/adversarial": None},
    official={"generator": {"late_dropout": True}},
)

PIX2PIX_GAN = PIX2PIX.with_overrides(
    name="pix2pix-gan",
    description="pix2pix without the L1 loss: the conditional adversarial loss alone (the ablation cGAN of the paper).",
    terms={"translator/l1": None},
)

PIX2PIX_UNCONDITIONAL = PIX2PIX.with_overrides(
    name="pix2pix-unconditional",
    description="pix2pix with an unconditional discriminator, which does not take the source image (the ablation L1+GAN of the paper).",
    discriminator={"conditional": False},
)

PIX2PIX_FAST = PIX2PIX.with_overrides(
    name="pix2pix-fast",
    description="pix2pix with narrow networks for 64 pixels: learns in minutes.",
    generator={"width": 32, "norm": "instance", "dropout": 0.0},
    discriminator={"width": 32, "norm": "instance"},
    lr=4e-4,
    size=64,
    batch=8,
    steps=5_000,
    ema=0.998,
    official={},
)
"""The same components for a budget of minutes. docs/systems/pix2pix.md lists the changes and the reasons."""
