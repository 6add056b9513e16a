"""What the papers compare with CycleGAN: its ablations, noise in it, and other papers' terms on its networks. Imports no torch."""

from __future__ import annotations

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term
from i2ikit_cyclegan.recipe import CYCLEGAN, with_term


def _variant(recipe: Recipe, name: str, description: str) -> Recipe:
    return evolve(recipe, name=name, description=description, official={})


CYCLE_ALONE = _variant(
    evolve(
        CYCLEGAN,
        slots={name: slot for name, slot in CYCLEGAN.slots.items() if name != "discriminator"},
        players=(with_term(CYCLEGAN, "translator", adversarial=None).player("translator"),),
    ),
    "cyclegan-cycle-alone",
    "CycleGAN without discriminators: only the way back is asked for.",
)

GAN_ALONE = _variant(
    with_term(CYCLEGAN, "translator", cycle=None),
    "cyclegan-gan-alone",
    "CycleGAN without the cycle loss: two GANs, each given an image.",
)

FORWARD_CYCLE = _variant(
    with_term(CYCLEGAN, "translator", cycle=Term("cycle_loss", 10.0, translations="forward")),
    "cyclegan-gan-forward-cycle",
    "CycleGAN whose cycle is closed only from a domain to one declared after it, and back.",
)

BACKWARD_CYCLE = _variant(
    with_term(CYCLEGAN, "translator", cycle=Term("cycle_loss", 10.0, translations="backward")),
    "cyclegan-gan-backward-cycle",
    "CycleGAN whose cycle is closed only from a domain to one declared before it, and back.",
)
"""The four ablations of the paper's tables 4 and 5 (section 5.1.4)."""


def _generator(recipe: Recipe, **options: float) -> Recipe:
    return evolve(recipe, slots={**recipe.slots, "generator": recipe.slots["generator"].with_options(**options)})


DROPOUT = _variant(
    _generator(CYCLEGAN, dropout=0.5),
    "cyclegan-dropout",
    "CycleGAN that draws several pictures of one image by dropout, in training and in use.",
)

NOISE = _variant(
    _generator(CYCLEGAN, dropout=0.5, noise=8),
    "cyclegan-noise",
    "CycleGAN that draws several pictures of one image by noise beside it, and by dropout.",
)
"""The two baselines of MUNIT's section 5.3; its own noisy one has a U-Net."""

DISCOGAN = Recipe(
    name="discogan",
    description="DiscoGAN's losses on CycleGAN's networks: the first GAN's game and a squared distance on the way back.",
    paper="Learning to Discover Cross-Domain Relations with Generative Adversarial Networks (Kim et al., 2017)",
    slots=CYCLEGAN.slots,
    plan="unpaired",
    players=(
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("logistic_generator_loss"),
                "cycle": Term("cycle_loss", squared=True),
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
"""Equations 3 to 8 and the numbers of section 3; the networks, the order of the players and the number of steps are not the paper's."""

DUALGAN = Recipe(
    name="dualgan",
    description="DualGAN's losses on CycleGAN's networks: a Wasserstein game, a heavy absolute distance on the way back, dropout as noise.",
    paper="DualGAN: Unsupervised Dual Learning for Image-to-Image Translation (Yi et al., 2017)",
    slots={
        "encoder": Slot("identity_encoder"),
        "generator": Slot("cyclegan_generator", per="pair", width=64, dropout=0.5),
        "discriminator": Slot("patch_discriminator", per="domain", width=64, depth=3),
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
"""Equations 1 to 3 and algorithm 1; a gradient penalty stands for the clipped weights, and Adam without momentum for RMSProp."""
