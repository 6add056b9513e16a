"""CycleGAN and what changes only its losses: DiscoGAN, DualGAN (Zhu et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the generator; its discriminator and its losses are the library's own."""
    return [
        Component(
            "cyclegan_generator",
            role="generator",
            factory="i2ikit_cyclegan.generator:CycleGANGenerator",
            description="Residual generator with mirrored edges: two steps down, residual blocks, two steps up, any size.",
        )
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe, its variants, and the methods that differ from it by their terms."""
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
    """Return what reads the original code's weights."""
    return {"cyclegan": "i2ikit_cyclegan.official:import_official"}
