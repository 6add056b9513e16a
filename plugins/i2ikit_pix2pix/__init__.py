"""pix2pix: paired translation with a conditional discriminator (Isola et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of pix2pix; the discriminator and the losses are the library's own."""
    return [
        Component(
            "pix2pix_unet",
            role="generator",
            factory="i2ikit_pix2pix.generator:Pix2PixUNet",
            description="U-Net from image to image: skips at every size, noise by dropout.",
            mixes_batch=True,
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe, its ablations and the fast one."""
    return {
        "pix2pix": "i2ikit_pix2pix.recipe:PIX2PIX",
        "pix2pix-l1": "i2ikit_pix2pix.recipe:PIX2PIX_L1",
        "pix2pix-gan": "i2ikit_pix2pix.recipe:PIX2PIX_GAN",
        "pix2pix-unconditional": "i2ikit_pix2pix.recipe:PIX2PIX_UNCONDITIONAL",
        "pix2pix-fast": "i2ikit_pix2pix.recipe:PIX2PIX_FAST",
    }


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return what reads the original code's weights."""
    return {"pix2pix": "i2ikit_pix2pix.official:import_official"}
