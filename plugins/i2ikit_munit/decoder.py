"""MUNIT's decoder: the content drawn in a style."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import kaiming
from i2ikit.nn.padded import Decoder, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad

NORMS = 2
"""Of a residual block."""


class AdaINDecoder(nn.Module):
    """Draw content in a style: residual blocks whose norms the style drives, and steps up (MUNIT, section 5.1 and appendix B.2).

    Three linear layers turn the style into the shifts and scales of all norms: for each norm in turn its shifts, then its scales, which
    replace those of the normalised maps (equation 4 of the paper has them in the other order).

    Args:
        code: What is drawn from: a last map, whose stride is a power of two, and a style.
        image: Channels of the images.
        blocks: Residual blocks.
        hidden: Width of the linear layers between the style and the norms.
        pad: "reflect" or "zero".

    Shapes:
        in:  code.maps[-1] [B, C', H', W'];  code.style [B, S] or [B, V, S], of which all numbers are taken together
        out: [B, C, H' * stride, W' * stride] in [-1, 1]

    Raises:
        SpecError: The code has no style or no map, or one that cannot be drawn from.
        OptionError: A number that cannot be.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, blocks: int = 4, hidden: int = 256, pad: Pad = "reflect") -> None:
        super().__init__()
        if code.style is None:
            raise SpecError(
                f'"munit_adain_decoder" needs a style, but is given {code}. Use an encoder with style (munit_encoder), '
                "or draw it: build(..., style=8)."
            )
        steps = int(math.log2(code.maps[-1].stride)) if code.maps and code.maps[-1].stride else 0
        if not code.maps or code.maps[-1].stride != 2**steps or code.maps[-1].channels < 2**steps:
            raise SpecError(
                f'"munit_adain_decoder" draws from a last map whose stride is a power of two and not above its channels, but is given '
                f"{code}. Use munit_encoder or munit_content_encoder."
            )
        if blocks < 1 or hidden < 1:
            raise OptionError(f'"munit_adain_decoder" with blocks={blocks} and hidden={hidden}: both are 1 or more.')
        channels = code.maps[-1].channels
        self.channels, style = channels, math.prod(code.style.shape)
        self.mlp = nn.Sequential(
            nn.Linear(style, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, blocks * NORMS * 2 * channels),
        )
        self.blocks = nn.ModuleList(PaddedResidualBlock(channels, pad=pad, norm="adain") for _ in range(blocks))
        self.drawing = Decoder(channels, image.channels, upsamples=steps, pad=pad)
        kaiming(self)

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code."""
        if code.style is None:
            raise SpecError('"munit_adain_decoder" needs a style, and this code has none.')
        maps = code.maps[-1]
        for block, styles in zip(self.blocks, self.norms_of(code.style).unbind(1), strict=True):
            maps = block(maps, styles)
        return cast(Tensor, self.drawing(maps))

    def norms_of(self, style: Tensor) -> Tensor:
        """Return scales and shifts of all norms [B, blocks, 2 norms * (scales, shifts) * C'] for styles."""
        drawn = self.mlp(style.flatten(1)).unflatten(1, (len(self.blocks), NORMS, 2, self.channels))
        return cast(Tensor, drawn.flip(3).flatten(2))  # shifts, then scales, are drawn; the norms take scales, then shifts
