"""pix2pix's generator."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.unet import UNet, choose_unet_depth


class Pix2PixUNet(nn.Module):
    """Generator of pix2pix: a U-Net with dropout as noise, in training and at inference (pix2pix, sections 3.2.1 and 3.3).

    Args:
        code: Spec of the code from the encoder. Its last map must have stride 1.
        image: Size and channels of the generated images.
        width: Channels after the first convolution. Each further one doubles them, up to eight times ``width``. Allowed: 1 or more.
        depth: How often the sides are halved. The default is as often as possible, at most 8 times: 7 for 128 pixels. Allowed: 2 or more,
            or None.
        norm: "batch" (the paper), with the statistics of the current batch also at inference; or "instance".
        dropout: Dropout probability in the decoder; with 0 the output is deterministic. Allowed: 0 or more and below 1.
        late_dropout: Whether dropout begins after the second layer of the decoder, as in the PyTorch code of the authors, instead of after
            the first, as in the paper. In both cases it follows ``depth - 5`` layers.
        up: "transposed" convolutions (the paper), or "bilinear" upsampling followed by a convolution, which avoids checkerboard artifacts.

    Shapes:
        in:  code.maps[-1] [B, C', H, W], with sides that are multiples of 2**depth
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        stochastic: Whether the output is random, because of dropout.

    Raises:
        SpecError: The code has no map of stride 1, or the sides of the image cannot be halved ``depth`` times.
        OptionError: A number is out of range.
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
            raise SpecError(f'"pix2pix_unet" requires a code whose last map has stride 1; found {code}. Use "identity_encoder".')
        if width < 1 or not 0 <= dropout < 1:
            raise OptionError(
                f'"pix2pix_unet" does not support width={width}, dropout={dropout}: width must be 1 or more, dropout 0 or more and below 1.'
            )
        depth = choose_unet_depth("pix2pix_unet", image, depth)
        dropout_steps = [step + late_dropout for step in range(depth - 5)]
        self.stochastic = bool(dropout_steps) and dropout > 0
        self.net = UNet(
            code.maps[-1].channels,
            image.channels,
            depth=depth,
            width=width,
            norm=norm,
            bias=norm == "instance",
            dropout=dropout,
            dropout_steps=dropout_steps,
            up=up,
        )

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code."""
        return cast(Tensor, self.net(code.maps[-1]))
