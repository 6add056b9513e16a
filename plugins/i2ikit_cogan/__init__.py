"""CoGAN: coupled generators that share their first layers (Liu and Tuzel, 2016). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the coupled networks, and the plan that gives them the same noise."""
    return [
        Component(
            "cogan_generator",
            role="generator",
            factory="i2ikit_cogan.networks:CoGANGenerator",
            description="Generator of CoGAN: transposed convolutions from noise to image; domains can share its first layers (trunk).",
        ),
        Component(
            "cogan_discriminator",
            role="discriminator",
            factory="i2ikit_cogan.networks:CoGANDiscriminator",
            description="Discriminator of CoGAN: strided convolutions and one score per image; domains can share its last layers (trunk).",
        ),
        Component(
            "cogan_plan",
            role="plan",
            factory="i2ikit_cogan.plan:cogan_plan",
            description="Plan of CoGAN: generates one image per domain from the same noise; real images of each domain are the references.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper."""
    return {"cogan": "i2ikit_cogan.recipe:COGAN"}
