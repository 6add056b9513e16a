"""CycleGAN (Zhu et al., 2017), and DiscoGAN and DualGAN on its networks. Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the generator of CycleGAN. Its discriminator and losses come with the library."""
    return [
        Component(
            "cyclegan_generator",
            role="generator",
            factory="i2ikit_cyclegan.generator:CycleGANGenerator",
            description="Generator of CycleGAN: downsampling, residual blocks with reflection padding, upsampling; for any image size.",
        )
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper, its variants, and the methods that differ from it in their losses."""
    return {
        "cyclegan": "i2ikit_cyclegan.recipe:CYCLEGAN",
        "cyclegan-identity": "i2ikit_cyclegan.recipe:IDENTITY",
        "cyclegan-fast": "i2ikit_cyclegan.recipe:FAST",
        "cyclegan-cycle-alone": "i2ikit_cyclegan.variants:CYCLE_ALONE",
        "cyclegan-gan-alone": "i2ikit_cyclegan.variants:GAN_ALONE",
        "cyclegan-gan-forward-cycle": "i2ikit_cyclegan.variants:FORWARD_CYCLE",
        "cyclegan-gan-backward-cycle": "i2ikit_cyclegan.variants:BACKWARD_CYCLE",
        "cyclegan-dropout": "i2ikit_cyclegan.variants:DROPOUT",
        "cyclegan-noise": "i2ikit_cyclegan.variants:NOISE",
        "discogan": "i2ikit_cyclegan.variants:DISCOGAN",
        "dualgan": "i2ikit_cyclegan.variants:DUALGAN",
    }


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"cyclegan": "i2ikit_cyclegan.official:import_official"}
