"""BicycleGAN's generator."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.unet import UNet, unet_depth


class BicycleGANGenerator(nn.Module):
    """Draw an image from a whole image and a style with a U-Net (BicycleGAN, section 4).

    Args:
        code: What the encoder and the plan give: the last map has stride 1, and there is a style of one vector.
        image: Size and channels of the images that are drawn.
        width: Channels after the first convolution; doubled by each further one, up to eight times.
        depth: How many times the sides are halved: by default as often as they can be, 8 times at most: 7 for 128 pixels.
        style_placement: "all" puts the style beside what enters each convolution on the way down, "input" beside the image alone (section 4).
        norm: "instance", or "batch", which outside training uses running statistics.
        dropout: The share of values that are set to zero after ``depth - 5`` steps of the way up, beginning with the second. None by
            default: the noise is in the style.
        up: "transposed" convolutions, or "bilinear" upsampling and a convolution, which leaves no checkerboard.

    Shapes:
        in:  code.maps[-1] [B, C', H, W], sides multiples of 2**depth; code.style [B, S]
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        stochastic: Whether it draws noise by itself.

    Raises:
        SpecError: The code has no map at full size or no style, or the sides of the image cannot be halved that often.
        OptionError: A number that cannot be.
    """

    def __init__(
        self,
        code: CodeSpec,
        image: ImageSpec,
        *,
        width: int = 64,
        depth: int | None = None,
        style_placement: Literal["all", "input"] = "all",
        norm: Literal["instance", "batch"] = "instance",
        dropout: float = 0.0,
        up: Literal["transposed", "bilinear"] = "transposed",
    ) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1:
            raise SpecError(f'"bicyclegan_generator" draws from a last map at full size, but is given {code}. Use "identity_encoder".')
        if code.style is None or code.style.vectors:
            raise SpecError(
                f'"bicyclegan_generator" draws with a style of one vector, but is given {code}. Use plan "bicyclegan_two_styles", or let '
                "the plan draw one: build(..., style=8)."
            )
        if width < 1 or not 0 <= dropout < 1:
            raise OptionError(
                f'"bicyclegan_generator" with width={width} and dropout={dropout}: needed are 1 or more, and 0 or more but below 1.'
            )
        depth = unet_depth("bicyclegan_generator", image, depth)
        dropped = range(1, depth - 4)
        self.stochastic = bool(dropped) and dropout > 0
        self.net = UNet(
            code.maps[-1].channels,
            image.channels,
            depth=depth,
            width=width,
            norm=norm,
            track=True,
            bias=True,
            dropout=dropout,
            dropped=dropped,
            style=code.style.width,
            style_placement=style_placement,
            up=up,
        )

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code and its style."""
        return cast(Tensor, self.net(code.maps[-1], code.style))
