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
    """Generator of StarGAN: two downsampling convolutions, residual blocks, two upsampling convolutions (StarGAN, table 4).

    Args:
        code: Spec of the code from the conditioner. Its last map must have stride 1 and begin with the source image.
        image: Size and channels of the images. Both sides must be multiples of 4, and at least 8.
        width: Channels at full resolution. Each downsampling doubles them. Allowed: 1 or more.
        blocks: Number of residual blocks, at a quarter of the resolution. Allowed: 0 or more.
        output: What the last convolution returns. "tanh" (the paper): the image itself. "residual": for each value, how far it moves
            towards white or black, as a fraction of the distance. "masked": an image and an attention mask, which says for each pixel how
            much of the image replaces the source (GANimation, section 3.1). With the latter two, the source stays as it is where the
            last convolution returns nothing.
        patch: 1 (the paper), or 2: the first and the last convolution work on squares of 2 x 2 pixels. They are 3x3 convolutions at half
            the resolution; they replace 7x7 convolutions at full resolution, one downsampling and one upsampling. A narrow generator
            spends most of its time in those two.
        track: Keep running statistics in the norms, as the original code does. They are never used. See InstanceNorm.

    Shapes:
        in:  code.maps[-1] [B, C + D, H, W], the image in the first C channels
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        size_multiple: Both sides of an image must be multiples of this number.

    Raises:
        SpecError: The code has no map of stride 1, or a side of the image is not a multiple of 4.
        OptionError: The output is unknown, or the number of channels or blocks is out of range.
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
                f'"stargan_generator" requires a code whose last map has stride 1 and begins with the image; found {code}. '
                'Use "identity_encoder".'
            )
        if image.height % self.size_multiple or image.width % self.size_multiple or min(image.height, image.width) < 8:
            raise SpecError(
                f'"stargan_generator" requires sides that are multiples of 4, at least 8; found {image.height} x {image.width}.'
            )
        if width < 1 or blocks < 0:
            raise OptionError(
                f'"stargan_generator" does not support width={width}, blocks={blocks}: width must be 1 or more, blocks 0 or more.'
            )
        if output not in get_args(Output):
            raise OptionError(f'"stargan_generator" does not support output="{output}". {suggest(str(output), get_args(Output))}')
        if patch not in {1, 2}:
            raise OptionError(f'"stargan_generator" does not support patch={patch}: patch must be 1 or 2.')
        self.output, self.channels, self.patch = output, image.channels, patch
        inputs, outputs = code.maps[-1].channels * patch**2, (image.channels + (output == "masked")) * patch**2
        outer = width * patch
        first = [ConvBlock(width, 2 * width, kernel=4, stride=2, track=track)] if patch == 1 else []
        last = [ConvBlock(2 * width, width, kernel=4, stride=2, up=True, track=track)] if patch == 1 else []
        self.stem = ConvBlock(inputs, outer, kernel=7 if patch == 1 else 3, track=track)
        self.down = nn.Sequential(*first, ConvBlock(2 * width, 4 * width, kernel=4, stride=2, track=track))
        self.middle = nn.Sequential(*(ResidualBlock(4 * width, track=track) for _ in range(blocks)))
        self.up = nn.Sequential(ConvBlock(4 * width, 2 * width, kernel=4, stride=2, up=True, track=track), *last)
        self.draw = nn.Conv2d(outer, outputs, 7 if patch == 1 else 3, padding=3 if patch == 1 else 1, bias=False)
        if patch > 1:
            # The pixels of a square start with equal weights. Otherwise checkerboard artifacts last for a long time (Aitken et al. 2017).
            with torch.no_grad():
                self.draw.weight.copy_(self.draw.weight[:: patch**2].repeat_interleave(patch**2, dim=0))

    def forward(self, code: Code) -> Tensor:
        """Generate images from a conditioned code."""
        maps = code.maps[-1]
        inputs = maps if self.patch == 1 else F.pixel_unshuffle(maps, self.patch)
        outputs: Tensor = self.draw(self.up(self.middle(self.down(self.stem(inputs)))))
        outputs = outputs if self.patch == 1 else F.pixel_shuffle(outputs, self.patch)
        source = maps[:, : self.channels]
        if self.output == "residual":
            fraction = outputs.tanh()
            return source + fraction.relu() * (1 - source) - (-fraction).relu() * (1 + source)
        if self.output == "masked":
            change, mask = outputs[:, :-1].tanh(), outputs[:, -1:].sigmoid()
            return torch.lerp(change, source.to(change.dtype), mask)
        return torch.tanh(outputs)
