"""SimGAN: refinement held to its input (Shrivastava et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the refiner, and what holds it to its input."""
    return [
        Component(
            "simgan_refiner",
            role="generator",
            factory="i2ikit_simgan.refiner:SimGANRefiner",
            description="Residual blocks at full size, without norm: changes an image a little, any size.",
        ),
        Component(
            "self_regularization_loss",
            role="loss",
            factory="i2ikit_simgan.losses:self_regularization_loss",
            description="The translation stays close to the image that it was made of.",
            curve="How far the translations are from their sources, in units of [-1, 1] where whole images are compared. It falls at "
            "first, while the network learns to leave the image alone, and rises a little as it learns what to change.",
        ),
        Component(
            "feature_regularization_loss",
            role="loss",
            factory="i2ikit_simgan.losses:FeatureRegularizationLoss",
            description="Trained features of the translation stay close to those of the image that it was made of.",
            curve="How far the features of the translations are from those of their sources, in units of the features. It falls and stays "
            "above 0, because a translation has to change something.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return SimGAN, and its variant of the CycleGAN paper."""
    return {"simgan": "i2ikit_simgan.recipe:SIMGAN", "feature-loss-gan": "i2ikit_simgan.recipe:FEATURE_LOSS_GAN"}
