"""MUNIT's decoder: generates an image from content and style."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import init_kaiming
from i2ikit.nn.padded_blocks import Decoder, PaddedResidualBlock
from i2ikit.nn.padded_conv import Pad

NORMS_PER_BLOCK = 2
"""Number of norms in a residual block."""


class AdaINDecoder(nn.Module):
    """Decoder of MUNIT: residual blocks with AdaIN norms, then upsampling layers (MUNIT, section 5.1 and appendix B.2).

    An MLP of three linear layers maps the style to the parameters of all AdaIN norms. For each norm they are first the shifts, then the
    scales of the normalised maps (equation 4 of the paper, where the scale is written first).

    Args:
        code: Spec of the input code: a last map, whose stride is a power of two, and a style.
        image: Channels of the images.
        blocks: Number of residual blocks. Allowed: 1 or more.
        hidden: Width of the hidden layers of the MLP. Allowed: 1 or more.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  code.maps[-1] [B, C', H', W'];  code.style [B, S], or [B, V, S], which is flattened
        out: [B, C, H' * stride, W' * stride] in [-1, 1]

    Raises:
        SpecError: The code has no style or no map, or the stride of the map is not supported.
        OptionError: A number is out of range.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, blocks: int = 4, hidden: int = 256, pad: Pad = "reflect") -> None:
        super().__init__()
        if code.style is None:
            raise SpecError(
                f'"munit_adain_decoder" requires a style; found {code}. Use an encoder with style, such as "munit_encoder", or sample the '
                "style from the prior: build(..., style=8)."
            )
        steps = int(math.log2(code.maps[-1].stride)) if code.maps and code.maps[-1].stride else 0
        if not code.maps or code.maps[-1].stride != 2**steps or code.maps[-1].channels < 2**steps:
            raise SpecError(
                f'"munit_adain_decoder" requires a last map whose stride is a power of two and not above its channels; found {code}. '
                'Use "munit_encoder" or "munit_content_encoder".'
            )
        if blocks < 1 or hidden < 1:
            raise OptionError(f'"munit_adain_decoder" does not support blocks={blocks}, hidden={hidden}: both must be 1 or more.')
        channels = code.maps[-1].channels
        self.channels, style_width = channels, math.prod(code.style.shape)
        self.mlp = nn.Sequential(
            nn.Linear(style_width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, blocks * NORMS_PER_BLOCK * 2 * channels),
        )
        self.blocks = nn.ModuleList(PaddedResidualBlock(channels, pad=pad, norm="adain") for _ in range(blocks))
        self.drawing = Decoder(channels, image.channels, upsamples=steps, pad=pad)
        init_kaiming(self)

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code."""
        if code.style is None:
            raise SpecError('"munit_adain_decoder" requires a style; this code has none.')
        maps = code.maps[-1]
        for block, parameters in zip(self.blocks, self.compute_adain_parameters(code.style).unbind(1), strict=True):
            maps = block(maps, parameters)
        return cast(Tensor, self.drawing(maps))

    def compute_adain_parameters(self, style: Tensor) -> Tensor:
        """Return scales and shifts of all norms [B, blocks, 2 norms * (scales, shifts) * C'] for styles."""
        parameters = self.mlp(style.flatten(1)).unflatten(1, (len(self.blocks), NORMS_PER_BLOCK, 2, self.channels))
        return cast(Tensor, parameters.flip(3).flatten(2))  # the MLP returns shifts, then scales; the norms take scales, then shifts
