"""Perceptual losses: distances between features of a pretrained network."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from i2ikit import ops
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import OptionError, SpecError
from i2ikit.losses.adversarial import promote_to_float32
from i2ikit.nn.vgg import VGG16

_NAME = '"domain_invariant_perceptual_loss"'
_STRIDES = {"1": 1, "2": 2, "3": 4, "4": 8, "5": 16}


class DomainInvariantPerceptualLoss(nn.Module):
    """Domain-invariant perceptual loss: mean squared distance of normalised VGG-16 features of source and translation (MUNIT, section 5.1).

    An instance norm without learned parameters removes the mean and the variance of each feature channel. They contain most of the
    difference between domains and little of the difference between objects.

    Args:
        image: Size and channels of the images. 1 or 3 channels are supported.
        weights: File of pretrained VGG-16 weights; see :class:`i2ikit.nn.VGG16`. A saved model contains the weights.
        layer: Layer whose features are compared.
        scaling: Input scaling that the weights were trained with: "caffe", as in the original code, or "torchvision".
        official: Whether to omit the pooling before the fifth block, as the original code does. Its features there have twice the
            resolution.

    Raises:
        OptionError: No weights are given.
        CheckpointError: The weights are missing, damaged or of another network.
        SpecError: The images do not have 1 or 3 channels, or are too small: an instance norm requires more than one feature per channel.
    """

    def __init__(
        self,
        image: ImageSpec,
        *,
        weights: str = "",
        layer: str = "relu5_3",
        scaling: Literal["torchvision", "caffe"] = "caffe",
        official: bool = False,
    ) -> None:
        super().__init__()
        if not weights:
            raise OptionError(
                f"{_NAME} compares features of a trained VGG-16, but was given no weights. Name a file of them: "
                'build(..., terms={"translator/perceptual": {"weights": "vgg16.pth"}}).'
            )
        if image.channels not in {1, 3}:
            raise SpecError(f"{_NAME} requires images of 1 or 3 channels; found {image.channels}.")
        self.features = VGG16(weights, layers=(layer,), scaling=scaling, pools=3 if official else 4)
        stride = _STRIDES[layer.removeprefix("relu")[0]]
        min_size = 2 * (min(stride, 8) if official else stride)
        if min(image.height, image.width) < min_size:
            raise SpecError(
                f'{_NAME} with layer="{layer}" requires sides of at least {min_size} pixels; found {image.height} x {image.width}.'
            )

    def forward(self, t: Translation) -> Tensor:
        """Return the mean squared distance of the normalised features."""
        with torch.no_grad():
            (source,) = self.features(t.real)
        (fake,) = self.features(t.fake)
        return (ops.adain(promote_to_float32(fake), None, None) - ops.adain(promote_to_float32(source), None, None)).square().mean()
