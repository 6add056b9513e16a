"""MUNIT as its paper has it, the paper's ablations, and a variant that learns in minutes. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

_ADAM = Optimizer("adam", lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)

MUNIT = Recipe(
    name="munit",
    description="Content and style apart: one image, many translations, learnt without pairs.",
    paper="Multimodal Unsupervised Image-to-Image Translation (Huang et al., 2018)",
    slots={
        "encoder": Slot("munit_encoder", per="domain", style=8, width=64, downsamples=2, blocks=4),
        "generator": Slot("munit_adain_decoder", per="domain", blocks=4, hidden=256),
        "discriminator": Slot("multiscale_discriminator", per="domain", width=64, depth=4),
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
"""The paper's networks, losses and numbers (equation 5, section 5.1, appendix B)."""


def _variant(name: str, description: str, terms: Mapping[str, Any]) -> Recipe:
    translator = MUNIT.player("translator")
    changed = {**translator.terms, **terms}
    return evolve(
        MUNIT.with_player(evolve(translator, terms={key: term for key, term in changed.items() if term is not None})),
        name=name,
        description=description,
    )


MUNIT_WITHOUT_IMAGE_RECON = _variant(
    "munit-without-image-recon", "MUNIT without the reconstruction of images: an ablation of its paper.", {"recon": None}
)
MUNIT_WITHOUT_CONTENT_RECON = _variant(
    "munit-without-content-recon", "MUNIT without the reconstruction of contents: an ablation of its paper.", {"content": None}
)
MUNIT_WITHOUT_STYLE_RECON = _variant(
    "munit-without-style-recon", "MUNIT without the reconstruction of styles: an ablation of its paper.", {"style": None}
)
MUNIT_STYLE_CYCLE = _variant(
    "munit-style-cycle",
    "MUNIT with the style-augmented cycle: there in a drawn style, and back in the image's own.",
    {"cycle": Term("cycle_loss", 10.0)},
)
MUNIT_VGG = evolve(
    _variant(
        "munit-vgg",
        "MUNIT with the domain-invariant perceptual loss, for images of high resolution; needs the weights of a VGG-16.",
        {"perceptual": Term("domain_invariant_perceptual_loss", 1.0)},
    ),
    official={**MUNIT.official, "terms": {"translator/perceptual": {"official": True}}},
)

MUNIT_FAST = evolve(
    MUNIT,
    name="munit-fast",
    description="MUNIT's parts, smaller and for 64 pixels: learns in minutes.",
    slots={
        "encoder": Slot("munit_encoder", per="domain", style=8, width=24, downsamples=2, blocks=2),
        "generator": Slot("munit_adain_decoder", per="domain", blocks=2, hidden=64),
        "discriminator": Slot("multiscale_discriminator", per="domain", width=24, depth=3, scales=2),
    },
    players=tuple(evolve(player, optimizer=Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))) for player in MUNIT.players),
    image=ImageSpec(3, 64, 64),
    batch=4,
    steps=10_000,
    schedule=Schedule("linear", start=0.5),
    ema=0.998,
)
"""The same parts for a budget of minutes; docs/systems/munit.md says what is changed and why."""
