"""UNIT's decoder."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import kaiming
from i2ikit.nn.padded import Decoder, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad


class UNITDecoder(nn.Module):
    """Draw an image from maps: residual blocks with instance norms, and steps up (UNIT, section 3).

    The first of the blocks is the part that the paper shares between domains.

    Args:
        code: What is drawn from: a last map, whose stride is a power of two.
        image: Channels of the images.
        blocks: Residual blocks, those of ``latent`` included.
        latent_blocks: How many of them, from the start, are in ``latent``.
        pad: "reflect" or "zero".

    Shapes:
        in:  code.maps[-1] [B, C', H', W']
        out: [B, C, H' * stride, W' * stride] in [-1, 1]

    Attributes:
        latent: The part to share: ``Slot(..., shared=("latent",))``.

    Raises:
        SpecError: The code has no map that can be drawn from.
        OptionError: A number that cannot be.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, blocks: int = 4, latent_blocks: int = 1, pad: Pad = "reflect") -> None:
        super().__init__()
        steps = int(math.log2(code.maps[-1].stride)) if code.maps and code.maps[-1].stride else 0
        if not code.maps or code.maps[-1].stride != 2**steps or code.maps[-1].channels < 2**steps:
            raise SpecError(
                f'"unit_decoder" draws from a last map whose stride is a power of two and not above its channels, but is given {code}. '
                "Use unit_encoder."
            )
        if not 0 <= latent_blocks <= blocks:
            raise OptionError(
                f'"unit_decoder" with blocks={blocks} and latent_blocks={latent_blocks}: the first part has none to all of the blocks.'
            )
        channels = code.maps[-1].channels
        self.latent = nn.Sequential(*(PaddedResidualBlock(channels, pad=pad) for _ in range(latent_blocks)))
        self.blocks = nn.Sequential(*(PaddedResidualBlock(channels, pad=pad) for _ in range(blocks - latent_blocks)))
        self.drawing = Decoder(channels, image.channels, upsamples=steps, pad=pad)
        kaiming(self)

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code."""
        return cast(Tensor, self.drawing(self.blocks(self.latent(code.maps[-1]))))
