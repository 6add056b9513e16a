"""Recipes that papers compare with CycleGAN: ablations, added noise, and losses of other papers on its networks. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term
from i2ikit_cyclegan.recipe import CYCLEGAN

CYCLE_ALONE = CYCLEGAN.with_overrides(
    name="cyclegan-cycle-alone",
    description="CycleGAN without discriminators: the cycle-consistency loss alone (an ablation of the paper).",
    discriminator=None,
    players={"discriminator": None},
    terms={"translator/adversarial": None},
    official={},
)

GAN_ALONE = CYCLEGAN.with_overrides(
    name="cyclegan-gan-alone",
    description="CycleGAN without the cycle-consistency loss: the adversarial losses alone (an ablation of the paper).",
    terms={"translator/cycle": None},
    official={},
)

FORWARD_CYCLE = CYCLEGAN.with_overrides(
    name="cyclegan-gan-forward-cycle",
    description="CycleGAN with the forward cycle loss only: from a domain to one declared after it, and back (an ablation of the paper).",
    terms={"translator/cycle": {"translations": "forward"}},
    official={},
)

BACKWARD_CYCLE = CYCLEGAN.with_overrides(
    name="cyclegan-gan-backward-cycle",
    description="CycleGAN with the backward cycle loss only: from a domain to one declared before it, and back (an ablation of the paper).",
    terms={"translator/cycle": {"translations": "backward"}},
    official={},
)
"""The four ablations in tables 4 and 5 of the paper (section 5.1.4)."""

DROPOUT = CYCLEGAN.with_overrides(
    name="cyclegan-dropout",
    description="CycleGAN with dropout in training and at inference, for several translations of one image.",
    generator={"dropout": 0.5},
    official={},
)

NOISE = CYCLEGAN.with_overrides(
    name="cyclegan-noise",
    description="CycleGAN with noise channels at the input and dropout, for several translations of one image.",
    generator={"dropout": 0.5, "noise": 8},
    official={},
)
"""The two baselines in section 5.3 of MUNIT. The baseline with noise of that paper has a U-Net."""

DISCOGAN = Recipe(
    name="discogan",
    description="DiscoGAN on the networks of CycleGAN: logistic adversarial loss, and reconstruction by a squared cycle loss.",
    paper="Learning to Discover Cross-Domain Relations with Generative Adversarial Networks (Kim et al., 2017)",
    slots=CYCLEGAN.slots,
    plan="unpaired",
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("logistic_generator_loss"),
                "cycle": Term("cycle_loss", options={"squared": True}),
            },
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-4),
        ),
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={"adversarial": Term("logistic_discriminator_loss")},
            optimizer=Optimizer("adam", lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-4),
        ),
    ),
    image=ImageSpec(3, 64, 64),
    labels=("handbag", "shoe"),
    batch=200,
    steps=200_000,
    schedule=Schedule("constant"),
)
"""Equations 3 to 8 and the settings of section 3. The networks, the order of the players and the number of steps differ from the paper."""

DUALGAN = Recipe(
    name="dualgan",
    description="DualGAN on the networks of CycleGAN: Wasserstein loss, cycle loss with a large weight, and dropout as noise.",
    paper="DualGAN: Unsupervised Dual Learning for Image-to-Image Translation (Yi et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", {"width": 64, "dropout": 0.5}, per="pair"),
        "discriminator": Slot("patch_discriminator", {"width": 64, "depth": 3}, per="domain"),
    },
    plan="unpaired",
    players=(
        Player(
            "discriminator",
            trains=("discriminator",),
            terms={
                "adversarial": Term("wgan_discriminator_loss"),
                "penalty": Term("gradient_penalty_loss", 10.0),
            },
            optimizer=Optimizer("adam", lr=5e-5, betas=(0.0, 0.9)),
        ),
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("wgan_generator_loss"),
                "cycle": Term("cycle_loss", 500.0),
            },
            every=3,
            optimizer=Optimizer("adam", lr=5e-5, betas=(0.0, 0.9)),
        ),
    ),
    image=ImageSpec(3, 256, 256),
    labels=("sketch", "photo"),
    batch=4,
    steps=200_000,
    schedule=Schedule("constant"),
)
"""Equations 1 to 3 and algorithm 1, with a gradient penalty in place of weight clipping, and Adam without momentum in place of RMSProp."""
