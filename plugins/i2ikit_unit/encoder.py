"""UNIT's encoder: a variational encoder with unit variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, Posterior
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import init_kaiming
from i2ikit.nn.padded_blocks import ConvEncoder, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad


class UNITEncoder(nn.Module):
    """Encoder of UNIT: its code is Gaussian with unit variance (UNIT, section 3).

    A 7x7 convolution, strided 4x4 convolutions and residual blocks, all with instance norm. The paper shares the last residual block
    between the domains. In training the code is sampled from the distribution; at inference it is the mean.

    Args:
        image: Size and channels of the images.
        width: Channels after the first convolution. Each downsampling doubles them. Allowed: 1 or more.
        downsamples: Number of downsampling convolutions. Allowed: 0 or more.
        blocks: Number of residual blocks, including those of ``latent``. Allowed: 0 or more.
        latent_blocks: How many of the last residual blocks are in ``latent``. Allowed: 0 to ``blocks``.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1]; noise of the shape of the map
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples];  code.posterior of that shape, with logvar 0

    Attributes:
        size_multiple: Both sides of an image must be multiples of this number.
        latent: The residual blocks to share between domains: ``Slot(..., shared=("latent",))``.
        deterministic_at_inference: True: noise is drawn in training only.

    Raises:
        SpecError: A side is not a multiple of the stride, or is too small.
        OptionError: A number is out of range.
    """

    deterministic_at_inference = True

    def __init__(
        self, image: ImageSpec, *, width: int = 64, downsamples: int = 2, blocks: int = 4, latent_blocks: int = 1, pad: Pad = "reflect"
    ) -> None:
        super().__init__()
        if width < 1 or downsamples < 0 or not 0 <= latent_blocks <= blocks:
            raise OptionError(
                f'"unit_encoder" does not support width={width}, downsamples={downsamples}, blocks={blocks}, '
                f"latent_blocks={latent_blocks}: width must be 1 or more, downsamples 0 or more, and latent_blocks between 0 and blocks."
            )
        size_multiple = 2**downsamples
        min_size = max(4, 2 * size_multiple)
        if image.height % size_multiple or image.width % size_multiple or min(image.height, image.width) < min_size:
            raise SpecError(
                f'"unit_encoder" requires sides that are multiples of {size_multiple}, at least {min_size}; found '
                f"{image.height} x {image.width}."
            )
        self.content = ConvEncoder(image.channels, width=width, downsamples=downsamples, blocks=blocks - latent_blocks, pad=pad)
        self.latent = nn.Sequential(*(PaddedResidualBlock(self.content.channels, pad=pad) for _ in range(latent_blocks)))
        self.size_multiple = self.content.stride
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),), posterior=True)
        init_kaiming(self)

    def noise_shapes(self, image: Tensor, label: Tensor | None = None) -> dict[str, tuple[int, ...]]:
        """Return the shape of the noise: that of the map in training, no noise at inference."""
        if not self.training:
            return {}
        height, width = (side // self.size_multiple for side in image.shape[-2:])
        return {"noise": (image.shape[0], self.content.channels, height, width)}

    def forward(self, image: Tensor, label: Tensor | None = None, noise: Mapping[str, Tensor] | None = None) -> Code:
        """Encode images."""
        mean = cast(Tensor, self.latent(self.content(image)))
        if not self.training:
            return Code((mean,), None, Posterior(mean, torch.zeros_like(mean)))
        sample = mean + (torch.randn_like(mean) if noise is None else noise["noise"].to(mean.dtype))
        return Code((sample,), None, Posterior(mean, torch.zeros_like(mean)))
