"""pix2pix: paired translation with a conditional discriminator (Isola et al., 2017). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the generator of pix2pix. Its discriminator and losses come with the library."""
    return [
        Component(
            "pix2pix_unet",
            role="generator",
            factory="i2ikit_pix2pix.generator:Pix2PixUNet",
            description="Generator of pix2pix: a U-Net with skip connections at every resolution, and noise in the form of dropout.",
            mixes_batch=True,
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper, its ablations and the fast variant."""
    return {
        "pix2pix": "i2ikit_pix2pix.recipe:PIX2PIX",
        "pix2pix-l1": "i2ikit_pix2pix.recipe:PIX2PIX_L1",
        "pix2pix-gan": "i2ikit_pix2pix.recipe:PIX2PIX_GAN",
        "pix2pix-unconditional": "i2ikit_pix2pix.recipe:PIX2PIX_UNCONDITIONAL",
        "pix2pix-fast": "i2ikit_pix2pix.recipe:PIX2PIX_FAST",
    }


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"pix2pix": "i2ikit_pix2pix.official:import_official"}
