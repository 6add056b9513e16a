"""Recipes of MUNIT: the settings of the paper, its ablations, and a variant that learns in minutes. Does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

_ADAM = Optimizer("adam", lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)

MUNIT = Recipe(
    name="munit",
    description="MUNIT: multimodal unpaired translation; images are encoded as content and style, and the target style is sampled.",
    paper="Multimodal Unsupervised Image-to-Image Translation (Huang et al., 2018)",
    slots={
        "encoder": Slot("munit_encoder", {"style": 8, "width": 64, "downsamples": 2, "blocks": 4}, per="domain"),
        "generator": Slot("munit_adain_decoder", {"blocks": 4, "hidden": 256}, per="domain"),
        "discriminator": Slot("multiscale_discriminator", {"width": 64, "depth": 4}, per="domain"),
    },
    plan="unpaired",
    plan_options={"style": "prior"},
    players=(
        Player("discriminator", trains=("discriminator",), terms={"adversarial": Term("lsgan_discriminator_loss")}, optimizer=_ADAM),
        Player(
            "translator",
            trains=("encoder", "generator"),
            terms={
                "adversarial": Term("lsgan_generator_loss"),
                "recon": Term("recon_loss", 10.0),
                "style": Term("style_loss"),
                "content": Term("content_loss"),
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
    official={"retranslate": True, "redraw": True},
)
"""Networks, losses and settings of the paper (equation 5, section 5.1, appendix B)."""


def _make_variant(name: str, description: str, terms: Mapping[str, Any]) -> Recipe:
    """Return MUNIT with other terms of the translator. A term that is None is removed."""
    translator = MUNIT.player("translator")
    new = {**translator.terms, **terms}
    return evolve(
        MUNIT.with_player(evolve(translator, terms={key: term for key, term in new.items() if term is not None})),
        name=name,
        description=description,
    )


MUNIT_WITHOUT_IMAGE_RECON = _make_variant(
    "munit-without-image-recon", "MUNIT without the image reconstruction loss (an ablation of the paper).", {"recon": None}
)
MUNIT_WITHOUT_CONTENT_RECON = _make_variant(
    "munit-without-content-recon", "MUNIT without the content reconstruction loss (an ablation of the paper).", {"content": None}
)
MUNIT_WITHOUT_STYLE_RECON = _make_variant(
    "munit-without-style-recon", "MUNIT without the style reconstruction loss (an ablation of the paper).", {"style": None}
)
MUNIT_STYLE_CYCLE = _make_variant(
    "munit-style-cycle",
    "MUNIT with style-augmented cycle consistency: translation with a sampled style, and back with the style of the source.",
    {"cycle": Term("cycle_loss", 10.0)},
)
MUNIT_VGG = evolve(
    _make_variant(
        "munit-vgg",
        "MUNIT with the domain-invariant perceptual loss, for images of high resolution; requires the weights of a VGG-16.",
        {"perceptual": Term("domain_invariant_perceptual_loss", 1.0)},
    ),
    official={**MUNIT.official, "terms": {"translator/perceptual": {"official": True}}},
)

MUNIT_FAST = evolve(
    MUNIT,
    name="munit-fast",
    description="MUNIT with smaller networks for 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("munit_encoder", {"style": 8, "width": 24, "downsamples": 2, "blocks": 2}, per="domain"),
        "generator": Slot("munit_adain_decoder", {"blocks": 2, "hidden": 64}, per="domain"),
        "discriminator": Slot("multiscale_discriminator", {"width": 24, "depth": 3, "scales": 2}, per="domain"),
    },
    players=tuple(evolve(player, optimizer=Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))) for player in MUNIT.players),
    image=ImageSpec(3, 64, 64),
    batch=4,
    steps=10_000,
    schedule=Schedule("linear", start=0.5),
    ema=0.998,
)
"""The same components for a budget of minutes. docs/systems/munit.md lists the changes and the reasons."""
