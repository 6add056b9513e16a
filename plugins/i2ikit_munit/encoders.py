"""MUNIT's encoders: of the content, of the style, and of both."""

from __future__ import annotations

import itertools
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, StyleSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import init_kaiming
from i2ikit.nn.padded_blocks import ConvEncoder
from i2ikit.nn.padded_conv import Pad, PaddedConv

STYLE_DOWNSAMPLES = 4
"""How often the style encoder halves the sides of the image."""


class ContentEncoder(nn.Module):
    """Content encoder of MUNIT (MUNIT, section 5.1 and appendix B.2).

    A 7x7 convolution, strided 4x4 convolutions and residual blocks. Instance norms remove the mean and the standard deviation of each
    channel, which hold the style of the image.

    Args:
        image: Size and channels of the images.
        width: Channels after the first convolution. Each downsampling doubles them. Allowed: 1 or more.
        downsamples: Number of downsampling convolutions. Allowed: 0 or more.
        blocks: Number of residual blocks. Allowed: 0 or more.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1]
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples]

    Attributes:
        size_multiple: Both sides of an image must be multiples of this number.

    Raises:
        SpecError: A side is not a multiple of the stride, or is too small.
        OptionError: A number is out of range.
    """

    def __init__(self, image: ImageSpec, *, width: int = 64, downsamples: int = 2, blocks: int = 4, pad: Pad = "reflect") -> None:
        super().__init__()
        _check_content_options("munit_content_encoder", image, width, downsamples, blocks)
        self.content = ConvEncoder(image.channels, width=width, downsamples=downsamples, blocks=blocks, pad=pad)
        self.size_multiple = self.content.stride
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),))
        init_kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code((self.content(image),))


class StyleNet(nn.Module):
    """A 7x7 convolution, four strided 4x4 convolutions, global average pooling and a 1x1 convolution; no norm.

    Shapes:
        in:  [B, channels, H, W], with sides of 16 or more
        out: [B, style]
    """

    def __init__(self, channels: int, *, style: int, width: int, pad: Pad) -> None:
        super().__init__()
        widths = [width, 2 * width, *[4 * width] * (STYLE_DOWNSAMPLES - 1)]
        self.stem = PaddedConv(channels, width, 7, pad=pad)
        self.down = nn.Sequential(*(PaddedConv(before, after, 4, stride=2, pad=pad) for before, after in itertools.pairwise(widths)))
        self.head = nn.Conv2d(widths[-1], style, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the styles of images."""
        return cast(Tensor, self.head(self.down(self.stem(image)).mean((2, 3), keepdim=True)).flatten(1))


class StyleEncoder(nn.Module):
    """Style encoder of MUNIT (MUNIT, section 5.1 and appendix B.2).

    A 7x7 convolution, four strided 4x4 convolutions, global average pooling and a 1x1 convolution. There is no norm, because it would
    remove the mean and the standard deviation of the channels, which hold the style.

    Args:
        image: Channels of the images.
        style: Width of the style. Allowed: 1 or more.
        width: Channels after the first convolution. The first two downsamplings double them. Allowed: 1 or more.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1], with sides of 16 or more
        out: code.style [B, style]

    Attributes:
        min_size: The smallest possible side of an image.

    Raises:
        SpecError: The image is too small.
        OptionError: A number is out of range.
    """

    min_size = 2**STYLE_DOWNSAMPLES

    def __init__(self, image: ImageSpec, *, style: int = 8, width: int = 64, pad: Pad = "reflect") -> None:
        super().__init__()
        _check_style_options("munit_style_encoder", image, style, width)
        self.style = StyleNet(image.channels, style=style, width=width, pad=pad)
        self.output_spec = CodeSpec(style=StyleSpec(style))
        init_kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code(style=self.style(image))


class ContentStyleEncoder(nn.Module):
    """Encoder of MUNIT: the content encoder and the style encoder in one component (MUNIT, figure 3).

    Args:
        image: Size and channels of the images.
        style: Width of the style. Allowed: 1 or more.
        width: Channels after the first convolution of each encoder. Allowed: 1 or more.
        downsamples: Number of downsampling convolutions of the content encoder. Allowed: 0 or more.
        blocks: Number of residual blocks of the content encoder. Allowed: 0 or more.
        pad: Padding of the convolutions: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1], with sides of 16 or more
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples];  code.style [B, style]

    Attributes:
        size_multiple: Both sides of an image must be multiples of this number.
        min_size: The smallest possible side of an image.

    Raises:
        SpecError: A side is not a multiple of the stride, or is too small.
        OptionError: A number is out of range.
    """

    def __init__(
        self, image: ImageSpec, *, style: int = 8, width: int = 64, downsamples: int = 2, blocks: int = 4, pad: Pad = "reflect"
    ) -> None:
        super().__init__()
        _check_content_options("munit_encoder", image, width, downsamples, blocks)
        _check_style_options("munit_encoder", image, style, width)
        self.content = ConvEncoder(image.channels, width=width, downsamples=downsamples, blocks=blocks, pad=pad)
        self.style = StyleNet(image.channels, style=style, width=width, pad=pad)
        self.size_multiple, self.min_size = self.content.stride, max(2**STYLE_DOWNSAMPLES, 2 * self.content.stride)
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),), StyleSpec(style))
        init_kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code((self.content(image),), self.style(image))


def _check_content_options(name: str, image: ImageSpec, width: int, downsamples: int, blocks: int) -> None:
    if width < 1 or downsamples < 0 or blocks < 0:
        raise OptionError(
            f'"{name}" does not support width={width}, downsamples={downsamples}, blocks={blocks}: width must be 1 or more, the others '
            "0 or more."
        )
    size_multiple = 2**downsamples
    min_size = max(4, 2 * size_multiple)
    if image.height % size_multiple or image.width % size_multiple or min(image.height, image.width) < min_size:
        raise SpecError(
            f'"{name}" requires sides that are multiples of {size_multiple}, at least {min_size}; found {image.height} x {image.width}.'
        )


def _check_style_options(name: str, image: ImageSpec, style: int, width: int) -> None:
    if style < 1 or width < 1:
        raise OptionError(f'"{name}" does not support style={style}, width={width}: both must be 1 or more.')
    min_size = 2**STYLE_DOWNSAMPLES
    if min(image.height, image.width) < min_size:
        raise SpecError(
            f'"{name}" halves the sides {STYLE_DOWNSAMPLES} times for the style and requires sides of {min_size} or more; found '
            f"{image.height} x {image.width}."
        )
