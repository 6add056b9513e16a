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
            at="i2ikit_cogan.networks:CoGANGenerator",
            says="Draws an image from noise alone; its first layers, the trunk, can be shared between domains.",
        ),
        Component(
            "cogan_critic",
            role="discriminator",
            at="i2ikit_cogan.networks:CoGANCritic",
            says="Judges the whole image by one score; its last layers, the trunk, can be shared between domains.",
        ),
        Component(
            "cogan_plan",
            role="plan",
            at="i2ikit_cogan.plan:cogan_plan",
            says="One noise for an image of every domain; each domain's own images are what its critic compares with.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe."""
    return {"cogan": "i2ikit_cogan.recipe:COGAN"}
