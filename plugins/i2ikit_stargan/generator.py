"""StarGAN's generator."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError, suggestion
from i2ikit.nn.blocks import ConvBlock, ResidualBlock

Output = Literal["tanh", "residual", "masked"]


class StarGANGenerator(nn.Module):
    """Draw an image from whole-image maps: two steps down, residual blocks, two steps up (StarGAN, table 4).

    Args:
        code: What the conditioner gives. The last map has stride 1 and begins with the source image.
        image: Size and channels of the images; sides are multiples of 4, and at least 8.
        width: Channels at full size; doubled at each step down.
        blocks: Residual blocks at a quarter of the size.
        output: What the last convolution draws. "tanh", the paper's: the image itself. "residual": for each value, which share of its
            way to white or to black it goes. "masked": an image, and for each pixel how much of it replaces the source
            (GANimation, section 3.1). The latter two leave the source image as it is where they draw nothing.
        track: Keep running statistics in the norms as the original code does; they are never used. See InstanceNorm.

    Shapes:
        in:  code.maps[-1] [B, C + D, H, W], the image in the first C channels
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        multiple: Sides are multiples of it.

    Raises:
        SpecError: The code has no map of stride 1, or the image has a side that is no multiple of 4.
        OptionError: No such output.
    """

    multiple = 4

    def __init__(
        self, code: CodeSpec, image: ImageSpec, *, width: int = 64, blocks: int = 6, output: Output = "tanh", track: bool = False
    ) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1 or code.maps[-1].channels < image.channels:
            raise SpecError(
                f'"stargan_generator" draws from a last map at full size that begins with the image, but is given {code}. '
                'Use "identity_encoder".'
            )
        if image.height % self.multiple or image.width % self.multiple or min(image.height, image.width) < 8:
            raise SpecError(f'"stargan_generator" needs sides that are multiples of 4, at least 8; found {image.height} x {image.width}.')
        if output not in get_args(Output):
            raise OptionError(f'"stargan_generator" has no output "{output}". {suggestion(str(output), get_args(Output))}')
        self.output, self.channels = output, image.channels
        self.stem = ConvBlock(code.maps[-1].channels, width, kernel=7, track=track)
        self.down = nn.Sequential(
            ConvBlock(width, 2 * width, kernel=4, stride=2, track=track),
            ConvBlock(2 * width, 4 * width, kernel=4, stride=2, track=track),
        )
        self.middle = nn.Sequential(*(ResidualBlock(4 * width, track=track) for _ in range(blocks)))
        self.up = nn.Sequential(
            ConvBlock(4 * width, 2 * width, kernel=4, stride=2, up=True, track=track),
            ConvBlock(2 * width, width, kernel=4, stride=2, up=True, track=track),
        )
        self.draw = nn.Conv2d(width, image.channels + (output == "masked"), 7, padding=3, bias=False)

    def forward(self, code: Code) -> Tensor:
        """Draw images from a conditioned code."""
        maps = code.maps[-1]
        drawn: Tensor = self.draw(self.up(self.middle(self.down(self.stem(maps)))))
        source = maps[:, : self.channels]
        if self.output == "residual":
            share = drawn.tanh()
            return source + share.relu() * (1 - source) - (-share).relu() * (1 + source)
        if self.output == "masked":
            change, keep = drawn[:, :-1].tanh(), drawn[:, -1:].sigmoid()
            return torch.lerp(change, source.to(change.dtype), keep)
        return torch.tanh(drawn)
