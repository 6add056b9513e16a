"""pix2pix's generator."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.unet import UNet, unet_depth


class Pix2PixUNet(nn.Module):
    """Draw an image from a whole image with a U-Net whose noise is dropout, in training and in use (pix2pix, sections 3.2.1 and 3.3).

    Args:
        code: What the encoder gives; the last map has stride 1.
        image: Size and channels of the images that are drawn.
        width: Channels after the first convolution; doubled by each further one, up to eight times.
        depth: How many times the sides are halved: by default as often as they can be, 8 times at most: 7 for 128 pixels.
        norm: "batch", the paper's, by the statistics of the batch at hand, or "instance".
        dropout: The share of values that are set to zero after steps of the way up; 0 draws the same image every time.
        late_dropout: Whether dropout begins after the second step of the way up, as in the code that its authors wrote for torch, and
            not after the first, as in the paper. It follows ``depth - 5`` steps in both.
        up: "transposed" convolutions, the paper's, or "bilinear" upsampling and a convolution, which leaves no checkerboard.

    Shapes:
        in:  code.maps[-1] [B, C', H, W], sides multiples of 2**depth
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        stochastic: Whether it draws noise by itself.

    Raises:
        SpecError: The code has no map at full size, or the sides of the image cannot be halved that often.
        OptionError: A number that cannot be.
    """

    def __init__(
        self,
        code: CodeSpec,
        image: ImageSpec,
        *,
        width: int = 64,
        depth: int | None = None,
        norm: Literal["batch", "instance"] = "batch",
        dropout: float = 0.5,
        late_dropout: bool = False,
        up: Literal["transposed", "bilinear"] = "transposed",
    ) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1:
            raise SpecError(f'"pix2pix_unet" draws from a last map at full size, but is given {code}. Use "identity_encoder".')
        if width < 1 or not 0 <= dropout < 1:
            raise OptionError(f'"pix2pix_unet" with width={width} and dropout={dropout}: needed are 1 or more, and 0 or more but below 1.')
        depth = unet_depth("pix2pix_unet", image, depth)
        dropped = [step + late_dropout for step in range(depth - 5)]
        self.stochastic = bool(dropped) and dropout > 0
        self.net = UNet(
            code.maps[-1].channels,
            image.channels,
            depth=depth,
            width=width,
            norm=norm,
            bias=norm == "instance",
            dropout=dropout,
            dropped=dropped,
            up=up,
        )

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code."""
        return cast(Tensor, self.net(code.maps[-1]))
