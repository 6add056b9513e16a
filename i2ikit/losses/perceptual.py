"""What two images show, compared by features of a network that was trained to tell what images show."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from i2ikit import ops
from i2ikit.core.specs import ImageSpec
from i2ikit.core.translation import Translation
from i2ikit.errors import OptionError, SpecError
from i2ikit.losses.adversarial import precise
from i2ikit.nn.vgg import VGG16

_NAME = '"domain_invariant_perceptual_loss"'
_STRIDES = {"1": 1, "2": 2, "3": 4, "4": 8, "5": 16}


class DomainInvariantPerceptualLoss(nn.Module):
    """The translation shows what its source shows: mean squared difference of normalised features (MUNIT, section 5.1).

    The features are those of a VGG-16 behind an instance norm without weights, which takes mean and deviation of every channel away: most
    of what tells domains apart, and little of what tells objects apart.

    Args:
        image: Size and channels of the images: 1 or 3 channels.
        weights: A file of trained VGG-16 weights; see :class:`i2ikit.nn.VGG16`. A saved model brings them along.
        layer: Which features are compared.
        scaling: What the weights were trained on: "caffe" as those of the original code, or "torchvision".
        official: Whether nothing is pooled before the fifth block, as in the original code, whose features there are twice as fine.

    Raises:
        OptionError: No weights are named.
        CheckpointError: They are missing, damaged or of another network.
        SpecError: The images have another number of channels, or are so small that an image has a single feature a channel.
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
                f"{_NAME} compares features of a trained VGG-16 and was given no weights. Name a file of them: "
                'build(..., terms={"translator/perceptual": {"weights": "vgg16.pth"}}).'
            )
        if image.channels not in {1, 3}:
            raise SpecError(f"{_NAME} sees gray or coloured images, and these have {image.channels} channels.")
        self.features = VGG16(weights, layers=(layer,), scaling=scaling, pools=3 if official else 4)
        stride = _STRIDES[layer.removeprefix("relu")[0]]
        least = 2 * (min(stride, 8) if official else stride)
        if min(image.height, image.width) < least:
            raise SpecError(f"{_NAME} with {layer} needs sides of {least} or more; found {image.height} x {image.width}.")

    def forward(self, t: Translation) -> Tensor:
        """Return the mean squared difference of the normalised features."""
        with torch.no_grad():
            (wanted,) = self.features(t.real)
        (found,) = self.features(t.fake)
        return (ops.adain(precise(found), None, None) - ops.adain(precise(wanted), None, None)).square().mean()
