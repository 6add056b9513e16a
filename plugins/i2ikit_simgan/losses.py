"""Losses that keep a translation close to its source image, for one-way translation without a cycle loss."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from i2ikit import ImageSpec, Translation
from i2ikit.errors import OptionError, SpecError
from i2ikit.losses.adversarial import promote_to_float32
from i2ikit.nn import VGG16

Transform = Literal["image", "derivatives", "colour"]


def self_regularization_loss(t: Translation, *, transform: Transform = "image") -> Tensor:
    """Mean absolute difference between a translation and its source image (Shrivastava et al. 2017, section 2.1).

    Args:
        t: The translation.
        transform: Feature transform of the paper: the "image" itself, its "derivatives" along both axes, or the mean "colour" of
            each image.
    """
    difference = promote_to_float32(t.fake) - promote_to_float32(t.real)  # all transforms are linear
    if transform == "colour":
        return difference.mean((2, 3)).abs().mean()
    if transform == "derivatives":
        return difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    return difference.abs().mean()


class FeatureRegularizationLoss(nn.Module):
    """Mean absolute difference between VGG-16 features of a translation and those of its source image (CycleGAN, section 5.1.1).

    Args:
        image: Channels of the images: 1 or 3.
        weights: A file with trained VGG-16 weights; see :class:`i2ikit.nn.VGG16`. A saved model contains them.
        layer: The layer whose features are compared.
        scaling: The input scaling of the weights: "torchvision" or "caffe".

    Raises:
        OptionError: No file is given.
        CheckpointError: The file is missing, damaged or of another network.
        SpecError: The images have neither 1 nor 3 channels.
    """

    def __init__(
        self,
        image: ImageSpec,
        *,
        weights: str = "",
        layer: str = "relu4_2",
        scaling: Literal["torchvision", "caffe"] = "torchvision",
    ) -> None:
        super().__init__()
        if not weights:
            raise OptionError(
                '"feature_regularization_loss" requires a file with trained VGG-16 weights; found none. Pass it: '
                'build(..., terms={"translator/feature": {"weights": "vgg16.pth"}}).'
            )
        if image.channels not in {1, 3}:
            raise SpecError(f'"feature_regularization_loss" requires images of 1 or 3 channels; found {image.channels}.')
        self.features = VGG16(weights, layers=(layer,), scaling=scaling)

    def forward(self, t: Translation) -> Tensor:
        """Return the mean absolute difference."""
        with torch.no_grad():
            (source,) = self.features(t.real)
        (translated,) = self.features(t.fake)
        return (promote_to_float32(translated) - promote_to_float32(source)).abs().mean()
