"""UNIT's encoder: a Gaussian of unit variance around every number of the code."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, Posterior
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import kaiming
from i2ikit.nn.padded import ContentStack, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad


class UNITEncoder(nn.Module):
    """Encode an image as a Gaussian of unit variance over maps, and draw from it in training (UNIT, section 3).

    A 7x7 convolution, strided 4x4 convolutions and residual blocks, all with instance norms; the last of the blocks is the part that the
    paper shares between domains. In use the code is the mean.

    Args:
        image: Size and channels of the images.
        width: Channels after the first convolution; doubled at each step down.
        downsamples: Steps down.
        blocks: Residual blocks, those of ``latent`` included.
        latent_blocks: How many of them, from the end, are in ``latent``.
        pad: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1]; noise as the map
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples];  code.posterior of the same shape, its logvar 0

    Attributes:
        size_multiple: Sides are multiples of it.
        latent: The part to share: ``Slot(..., shared=("latent",))``.

    Raises:
        SpecError: A side is no multiple of the stride, or too small.
        OptionError: A number that cannot be.
    """

    def __init__(
        self, image: ImageSpec, *, width: int = 64, downsamples: int = 2, blocks: int = 4, latent_blocks: int = 1, pad: Pad = "reflect"
    ) -> None:
        super().__init__()
        if width < 1 or downsamples < 0 or not 0 <= latent_blocks <= blocks:
            raise OptionError(
                f'"unit_encoder" with width={width}, downsamples={downsamples}, blocks={blocks} and latent_blocks={latent_blocks}: needed are 1, 0 and 0 or more, and as '
                "many in the last part as there are blocks at most."
            )
        size_multiple = 2**downsamples
        if image.height % size_multiple or image.width % size_multiple or min(image.height, image.width) < max(4, 2 * size_multiple):
            min_size = max(4, 2 * size_multiple)
            raise SpecError(
                f'"unit_encoder" needs sides that are multiples of {size_multiple}, at least {min_size}; found {image.height} x {image.width}.'
            )
        self.content = ContentStack(image.channels, width=width, downsamples=downsamples, blocks=blocks - latent_blocks, pad=pad)
        self.latent = nn.Sequential(*(PaddedResidualBlock(self.content.channels, pad=pad) for _ in range(latent_blocks)))
        self.size_multiple = self.content.stride
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),), posterior=True)
        kaiming(self)

    def noise_shape(self, image: Tensor, label: Tensor | None = None) -> tuple[int, ...] | None:
        """Return the shape of the noise that is wanted: that of the map in training, none in use."""
        if not self.training:
            return None
        height, width = (side // self.size_multiple for side in image.shape[-2:])
        return (image.shape[0], self.content.channels, height, width)

    def forward(self, image: Tensor, label: Tensor | None = None, noise: Tensor | None = None) -> Code:
        """Encode images."""
        mean = cast(Tensor, self.latent(self.content(image)))
        if not self.training:
            return Code((mean,), None, Posterior(mean, torch.zeros_like(mean)))
        drawn = mean + (torch.randn_like(mean) if noise is None else noise.to(mean.dtype))
        return Code((drawn,), None, Posterior(mean, torch.zeros_like(mean)))
