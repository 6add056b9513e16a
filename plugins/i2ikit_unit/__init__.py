"""UNIT: one latent space for all domains, learnt without pairs (Liu et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of UNIT."""
    return [
        Component(
            "unit_encoder",
            role="encoder",
            factory="i2ikit_unit.encoder:UNITEncoder",
            description="Maps with a Gaussian of unit variance around them, drawn from in training.",
        ),
        Component(
            "unit_decoder",
            role="generator",
            factory="i2ikit_unit.decoder:UNITDecoder",
            description="Draws an image from maps alone: residual blocks and steps up.",
        ),
        Component(
            "latent_kl_loss",
            role="loss",
            factory="i2ikit_unit.losses:latent_kl_loss",
            description="Codes are close to standard normal numbers.",
            curve="The mean square of the codes, where their variance is fixed as in UNIT. Noise of variance 1 is added to them: at 1 a "
            "code is as much image as noise. It stays where what it costs meets what it brings to the images.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the paper's recipe and the fast one."""
    return {"unit": "i2ikit_unit.recipe:UNIT", "unit-fast": "i2ikit_unit.recipe:UNIT_FAST"}


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return what reads the original code's weights."""
    return {"unit": "i2ikit_unit.official:import_official"}
