"""StarGAN's generator."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError, suggest
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
        patch: 1, the paper's, or 2: the first and the last convolution take and draw squares of 2 x 2 pixels, 3x3 at half the size in place
            of 7x7 at full size and one step down and up. Most of the time of a narrow generator goes into those two.
        track: Keep running statistics in the norms as the original code does; they are never used. See InstanceNorm.

    Shapes:
        in:  code.maps[-1] [B, C + D, H, W], the image in the first C channels
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        size_multiple: Sides are multiples of it.

    Raises:
        SpecError: The code has no map of stride 1, or the image has a side that is no multiple of 4.
        OptionError: No such output, or a number of channels or blocks that cannot be.
    """

    size_multiple = 4

    def __init__(
        self,
        code: CodeSpec,
        image: ImageSpec,
        *,
        width: int = 64,
        blocks: int = 6,
        output: Output = "tanh",
        patch: Literal[1, 2] = 1,
        track: bool = False,
    ) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1 or code.maps[-1].channels < image.channels:
            raise SpecError(
                f'"stargan_generator" draws from a last map at full size that begins with the image, but is given {code}. '
                'Use "identity_encoder".'
            )
        if image.height % self.size_multiple or image.width % self.size_multiple or min(image.height, image.width) < 8:
            raise SpecError(f'"stargan_generator" needs sides that are multiples of 4, at least 8; found {image.height} x {image.width}.')
        if width < 1 or blocks < 0:
            raise OptionError(f'"stargan_generator" with width={width} and blocks={blocks}: the first is 1 or more, the second 0 or more.')
        if output not in get_args(Output):
            raise OptionError(f'"stargan_generator" has no output "{output}". {suggest(str(output), get_args(Output))}')
        if patch not in {1, 2}:
            raise OptionError(f'"stargan_generator" with patch={patch}: it is 1 or 2.')
        self.output, self.channels, self.patch = output, image.channels, patch
        inputs, drawn = code.maps[-1].channels * patch**2, (image.channels + (output == "masked")) * patch**2
        outer = width * patch
        first = [ConvBlock(width, 2 * width, kernel=4, stride=2, track=track)] if patch == 1 else []
        last = [ConvBlock(2 * width, width, kernel=4, stride=2, up=True, track=track)] if patch == 1 else []
        self.stem = ConvBlock(inputs, outer, kernel=7 if patch == 1 else 3, track=track)
        self.down = nn.Sequential(*first, ConvBlock(2 * width, 4 * width, kernel=4, stride=2, track=track))
        self.middle = nn.Sequential(*(ResidualBlock(4 * width, track=track) for _ in range(blocks)))
        self.up = nn.Sequential(ConvBlock(4 * width, 2 * width, kernel=4, stride=2, up=True, track=track), *last)
        self.draw = nn.Conv2d(outer, drawn, 7 if patch == 1 else 3, padding=3 if patch == 1 else 1, bias=False)
        if patch > 1:
            # The pixels of a square begin equal: without it the squares show as a checkerboard for a long time (Aitken et al. 2017).
            with torch.no_grad():
                self.draw.weight.copy_(self.draw.weight[:: patch**2].repeat_interleave(patch**2, dim=0))

    def forward(self, code: Code) -> Tensor:
        """Draw images from a conditioned code."""
        maps = code.maps[-1]
        whole = maps if self.patch == 1 else F.pixel_unshuffle(maps, self.patch)
        drawn: Tensor = self.draw(self.up(self.middle(self.down(self.stem(whole)))))
        drawn = drawn if self.patch == 1 else F.pixel_shuffle(drawn, self.patch)
        source = maps[:, : self.channels]
        if self.output == "residual":
            share = drawn.tanh()
            return source + share.relu() * (1 - source) - (-share).relu() * (1 + source)
        if self.output == "masked":
            change, keep = drawn[:, :-1].tanh(), drawn[:, -1:].sigmoid()
            return torch.lerp(change, source.to(change.dtype), keep)
        return torch.tanh(drawn)
