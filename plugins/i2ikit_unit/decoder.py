"""UNIT's decoder."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import init_kaiming
from i2ikit.nn.padded_blocks import Decoder, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad


class UNITDecoder(nn.Module):
    """Decoder of UNIT: residual blocks with instance norm, then upsampling layers (UNIT, section 3).

    The paper shares the first residual block between the domains.

    Args:
        code: Spec of the input code: a last map, whose stride is a power of two.
        image: Channels of the images.
        blocks: Number of residual blocks, including those of ``latent``. Allowed: 0 or more.
        latent_blocks: How many of the first residual blocks are in ``latent``. Allowed: 0 to ``blocks``.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  code.maps[-1] [B, C', H', W']
        out: [B, C, H' * stride, W' * stride] in [-1, 1]

    Attributes:
        latent: The residual blocks to share between domains: ``Slot(..., shared=("latent",))``.

    Raises:
        SpecError: The code has no map, or the stride of the map is not supported.
        OptionError: A number is out of range.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, blocks: int = 4, latent_blocks: int = 1, pad: Pad = "reflect") -> None:
        super().__init__()
        steps = int(math.log2(code.maps[-1].stride)) if code.maps and code.maps[-1].stride else 0
        if not code.maps or code.maps[-1].stride != 2**steps or code.maps[-1].channels < 2**steps:
            raise SpecError(
                f'"unit_decoder" requires a last map whose stride is a power of two and not above its channels; found {code}. '
                'Use "unit_encoder".'
            )
        if not 0 <= latent_blocks <= blocks:
            raise OptionError(
                f'"unit_decoder" does not support blocks={blocks}, latent_blocks={latent_blocks}: latent_blocks must be from 0 to blocks.'
            )
        channels = code.maps[-1].channels
        self.latent = nn.Sequential(*(PaddedResidualBlock(channels, pad=pad) for _ in range(latent_blocks)))
        self.blocks = nn.Sequential(*(PaddedResidualBlock(channels, pad=pad) for _ in range(blocks - latent_blocks)))
        self.drawing = Decoder(channels, image.channels, upsamples=steps, pad=pad)
        init_kaiming(self)

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code."""
        return cast(Tensor, self.drawing(self.blocks(self.latent(code.maps[-1]))))
