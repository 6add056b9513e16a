"""Recipes of MUNIT: the settings of the paper, its ablations, and a variant that learns in minutes. Does not import torch."""

from __future__ import annotations

from i2ikit import ImageSpec, Optimizer, Player, Recipe, Schedule, Slot, Term

_ADAM = Optimizer("adam", lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
_FAST = Optimizer("adam", lr=4e-4, betas=(0.5, 0.999))

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
    official={"retranslate": True, "redraw": True, "terms": {"discriminator/adversarial": {"fake_first": True}}},
)
"""Networks, losses and settings of the paper (equation 5, section 5.1, appendix B)."""


MUNIT_WITHOUT_IMAGE_RECON = MUNIT.with_overrides(
    name="munit-without-image-recon",
    description="MUNIT without the image reconstruction loss (an ablation of the paper).",
    terms={"translator/recon": None},
)
MUNIT_WITHOUT_CONTENT_RECON = MUNIT.with_overrides(
    name="munit-without-content-recon",
    description="MUNIT without the content reconstruction loss (an ablation of the paper).",
    terms={"translator/content": None},
)
MUNIT_WITHOUT_STYLE_RECON = MUNIT.with_overrides(
    name="munit-without-style-recon",
    description="MUNIT without the style reconstruction loss (an ablation of the paper).",
    terms={"translator/style": None},
)
MUNIT_STYLE_CYCLE = MUNIT.with_overrides(
    name="munit-style-cycle",
    description="MUNIT with style-augmented cycle consistency: translation with a sampled style, and back with the style of the source.",
    terms={"translator/cycle": Term("cycle_loss", 10.0)},
)
MUNIT_VGG = MUNIT.with_overrides(
    name="munit-vgg",
    description="MUNIT with the domain-invariant perceptual loss, for images of high resolution; requires the weights of a VGG-16.",
    terms={"translator/perceptual": Term("domain_invariant_perceptual_loss", 1.0)},
    official={**MUNIT.official, "terms": {**MUNIT.official["terms"], "translator/perceptual": {"official": True}}},
)

MUNIT_FAST = MUNIT.with_overrides(
    name="munit-fast",
    description="MUNIT with smaller networks for 64 pixels: learns in minutes.",
    encoder={"width": 24, "blocks": 2},
    generator={"blocks": 2, "hidden": 64},
    discriminator={"width": 24, "depth": 3, "scales": 2},
    players={"discriminator": {"optimizer": _FAST}, "translator": {"optimizer": _FAST}},
    size=64,
    batch=4,
    steps=10_000,
    schedule=Schedule("linear", start=0.5),
    ema=0.998,
)
"""The same components for a budget of minutes. docs/systems/munit.md lists the changes and the reasons."""
