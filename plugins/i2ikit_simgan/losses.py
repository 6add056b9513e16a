"""What holds a translation to the image that it was made of, where nothing translates back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from i2ikit import ImageSpec, Translation
from i2ikit.errors import OptionError, SpecError
from i2ikit.losses.adversarial import precise
from i2ikit.nn import VGG16

Compared = Literal["image", "derivatives", "colour"]


def self_regularization_loss(t: Translation, *, of: Compared = "image") -> Tensor:
    """The translation differs little from its source, by the mean absolute difference (Shrivastava et al. 2017, section 2.1).

    Args:
        t: The translation.
        of: What is compared, the paper's transform of the image: the "image" itself, its "derivatives" along both axes, or the mean
            "colour" of each image.
    """
    change = precise(t.fake) - precise(t.real)  # all three transforms are linear: that of the difference is the difference
    if of == "colour":
        return change.mean((2, 3)).abs().mean()
    if of == "derivatives":
        return change.diff(dim=2).abs().mean() + change.diff(dim=3).abs().mean()
    return change.abs().mean()


class FeatureRegularizationLoss(nn.Module):
    """Features of the translation differ little from those of its source, by the mean absolute difference (CycleGAN, section 5.1.1).

    Args:
        image: Channels of the images: 1 or 3.
        weights: A file of trained VGG-16 weights; see :class:`i2ikit.nn.VGG16`. A saved model brings them along.
        layer: Which features are compared.
        scaling: What the weights were trained on: "torchvision" or "caffe".

    Raises:
        OptionError: No weights are named.
        CheckpointError: They are missing, damaged or of another network.
        SpecError: The images have another number of channels.
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
                '"feature_regularization_loss" compares features of a trained VGG-16 and was given no weights. Name a file of them: '
                'build(..., terms={"translator/feature": {"weights": "vgg16.pth"}}).'
            )
        if image.channels not in {1, 3}:
            raise SpecError(f'"feature_regularization_loss" sees gray or coloured images, and these have {image.channels} channels.')
        self.features = VGG16(weights, layers=(layer,), scaling=scaling)

    def forward(self, t: Translation) -> Tensor:
        """Return the mean absolute difference."""
        with torch.no_grad():
            (wanted,) = self.features(t.real)
        (made,) = self.features(t.fake)
        return (precise(made) - precise(wanted)).abs().mean()
