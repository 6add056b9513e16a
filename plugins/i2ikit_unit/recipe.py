"""Recipes of UNIT: the settings of the paper, and a variant that learns in minutes. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

_ADAM = Optimizer("adam", lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
_FAST = Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))

UNIT = Recipe(
    name="unit",
    description="UNIT: unpaired translation with a shared latent space; the code of one domain is decoded in another.",
    paper="Unsupervised Image-to-Image Translation Networks (Liu et al., 2017)",
    slots={
        "encoder": Slot("unit_encoder", {"width": 64, "downsamples": 2, "blocks": 4}, per="domain", shared=("latent",)),
        "generator": Slot("unit_decoder", {"blocks": 4}, per="domain", shared=("latent",)),
        "discriminator": Slot("multiscale_discriminator", {"width": 64, "depth": 4}, per="domain"),
    },
    plan="unpaired",
    players=(
        Player("discriminator", trains=("discriminator",), terms={"adversarial": Term("lsgan_discriminator_loss")}, optimizer=_ADAM),
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("lsgan_generator_loss"),
                "recon": Term("recon_loss", 10.0),
                "kl": Term("latent_kl_loss", 0.01),
                "cycle": Term("cycle_loss", 10.0),
                "cycle_kl": Term("latent_kl_loss", 0.01, {"view": "recode"}),
            },
            optimizer=_ADAM,
        ),
    ),
    image=ImageSpec(3, 256, 256),
    labels=("a", "b"),
    batch=1,
    steps=1_000_000,
    schedule=Schedule("step", every=100_000, gamma=0.5),
    flip=True,
    official={
        "retranslate": True,
        "redraw": True,
        "slots": {"encoder": {"shared": ()}, "generator": {"shared": ()}},
        "terms": {"discriminator/adversarial": {"fake_first": True}},
    },
)
"""Losses of the paper with its weights divided by ten, and networks and settings of the original code. See docs/systems/unit.md."""

UNIT_FAST = UNIT.with_overrides(
    name="unit-fast",
    description="UNIT with smaller networks for 64 pixels: learns in minutes.",
    encoder={"width": 24, "blocks": 2},
    generator={"blocks": 2},
    discriminator={"width": 24, "depth": 3, "scales": 2},
    slots={"encoder": {"shared": ("content", "latent")}},
    players={"discriminator": {"optimizer": _FAST}, "translator": {"optimizer": _FAST}},
    size=64,
    batch=4,
    steps=10_000,
    schedule=Schedule("linear", start=0.5),
    ema=0.998,
    official={},
)
"""The same components for a budget of minutes. docs/systems/unit.md lists the changes and the reasons."""
