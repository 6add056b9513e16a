"""CoGAN: two generators that share their deep layers (Liu and Tuzel, 2016). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the coupled networks, and the plan that gives them one noise."""
    return [
        Component(
            "cogan_generator",
            role="generator",
            factory="i2ikit_cogan.networks:CoGANGenerator",
            description="Draws an image from noise alone; its first layers, the trunk, can be shared between domains.",
        ),
        Component(
            "cogan_discriminator",
            role="discriminator",
            factory="i2ikit_cogan.networks:CoGANDiscriminator",
            description="Scores the whole image by one score; its last layers, the trunk, can be shared between domains.",
        ),
        Component(
            "cogan_plan",
            role="plan",
            factory="i2ikit_cogan.plan:cogan_plan",
            description="One noise for an image of every domain; each domain's own images are what its discriminator compares with.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe."""
    return {"cogan": "i2ikit_cogan.recipe:COGAN"}
