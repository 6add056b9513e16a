"""BicycleGAN's generator."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.unet import UNet, choose_unet_depth


class BicycleGANGenerator(nn.Module):
    """Generator of BicycleGAN: a U-Net that takes an image and a style (BicycleGAN, section 4).

    Args:
        code: Spec of the code from the encoder and the plan. Its last map must have stride 1, and its style must be one vector.
        image: Size and channels of the generated images.
        width: Channels after the first convolution. Each further one doubles them, up to eight times ``width``. Allowed: 1 or more.
        depth: How often the sides are halved. The default is as often as possible, at most 8 times: 7 for 128 pixels. Allowed: 2 or more,
            or None.
        style_placement: "all": the style is concatenated with the input of every downsampling convolution. "input": only with the image
            (section 4).
        norm: "instance", or "batch", which uses running statistics at inference.
        dropout: Dropout probability after ``depth - 5`` layers of the decoder, beginning with the second. The default is no dropout: the
            style is the noise. Allowed: 0 or more and below 1.
        up: "transposed" convolutions, or "bilinear" upsampling followed by a convolution, which avoids checkerboard artifacts.

    Shapes:
        in:  code.maps[-1] [B, C', H, W], with sides that are multiples of 2**depth; code.style [B, S]
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        stochastic: Whether the output is random, because of dropout.

    Raises:
        SpecError: The code has no map of stride 1 or no style, or the sides of the image cannot be halved ``depth`` times.
        OptionError: A number is out of range.
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
            raise SpecError(f'"bicyclegan_generator" requires a code whose last map has stride 1; found {code}. Use "identity_encoder".')
        if code.style is None or code.style.vectors:
            raise SpecError(
                f'"bicyclegan_generator" requires a style of one vector; found {code}. Use plan "bicyclegan_two_styles", or sample a style '
                "from the prior: build(..., style=8)."
            )
        if width < 1 or not 0 <= dropout < 1:
            raise OptionError(
                f'"bicyclegan_generator" does not support width={width}, dropout={dropout}: width must be 1 or more, dropout 0 or more and '
                "below 1."
            )
        depth = choose_unet_depth("bicyclegan_generator", image, depth)
        dropout_steps = range(1, depth - 4)
        self.stochastic = bool(dropout_steps) and dropout > 0
        self.net = UNet(
            code.maps[-1].channels,
            image.channels,
            depth=depth,
            width=width,
            norm=norm,
            track=True,
            bias=True,
            dropout=dropout,
            dropout_steps=dropout_steps,
            style=code.style.width,
            style_placement=style_placement,
            up=up,
        )

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code and its style."""
        return cast(Tensor, self.net(code.maps[-1], code.style))
