"""SimGAN: refinement of synthetic images with self-regularization (Shrivastava et al., 2017). Only hooks; does not import torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the refiner of SimGAN, and its regularization losses."""
    return [
        Component(
            "simgan_refiner",
            role="generator",
            factory="i2ikit_simgan.refiner:SimGANRefiner",
            description="Refiner of SimGAN: residual blocks at full resolution, without norm; any image size.",
        ),
        Component(
            "self_regularization_loss",
            role="loss",
            factory="i2ikit_simgan.losses:self_regularization_loss",
            description="Self-regularization loss of SimGAN: the translation stays close to its source image.",
            curve="Mean absolute difference between translations and their source images, in units of [-1, 1] for whole images. The "
            "curve falls at first, while the network learns to copy the image, and rises slightly when it learns what to change.",
        ),
        Component(
            "feature_regularization_loss",
            role="loss",
            factory="i2ikit_simgan.losses:FeatureRegularizationLoss",
            description="Feature loss (CycleGAN, section 5.1.1): VGG-16 features of the translation stay close to those of its source.",
            curve="Mean absolute difference between the features of translations and those of their source images, in units of the "
            "features. The curve falls and stays above 0, because a translation must change something.",
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return SimGAN, and the variant with a feature loss of the CycleGAN paper."""
    return {"simgan": "i2ikit_simgan.recipe:SIMGAN", "feature-loss-gan": "i2ikit_simgan.recipe:FEATURE_LOSS_GAN"}
