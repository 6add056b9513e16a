"""UNIT: unpaired translation through a shared latent space (Liu et al., 2017). Contains only hooks and does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the components of UNIT."""
    return [
        Component(
            "unit_encoder",
            role="encoder",
            factory="i2ikit_unit.encoder:UNITEncoder",
            description="Encoder of UNIT: a variational encoder whose code is Gaussian with unit variance, sampled in training.",
        ),
        Component(
            "unit_decoder",
            role="generator",
            factory="i2ikit_unit.decoder:UNITDecoder",
            description="Decoder of UNIT: residual blocks with instance norm, then upsampling layers.",
        ),
        Component(
            "latent_kl_loss",
            role="loss",
            factory="i2ikit_unit.losses:latent_kl_loss",
            description="KL divergence of UNIT: the distribution of codes stays close to a standard normal distribution.",
            curve="The mean square of the code means, if the variance is fixed to 1 as in UNIT. Noise of variance 1 is added to them: "
            "at 1, signal and noise are equally strong. The curve stays where a larger code would cost more than it improves the "
            "images.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipe of the paper and the fast variant."""
    return {"unit": "i2ikit_unit.recipe:UNIT", "unit-fast": "i2ikit_unit.recipe:UNIT_FAST"}


@hookimpl
def i2ikit_importers() -> dict[str, str]:
    """Return the importer for weights of the original code."""
    return {"unit": "i2ikit_unit.official:import_official"}
