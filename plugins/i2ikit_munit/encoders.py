"""MUNIT's encoders: of content, of style, and of both."""

from __future__ import annotations

import itertools
from typing import cast

from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec, MapSpec, StyleSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn.init import kaiming
from i2ikit.nn.padded import ContentStack
from i2ikit.nn.padded_conv import Pad, PaddedConv

STYLE_STEPS = 4
"""How often the style encoder halves the image."""


class ContentEncoder(nn.Module):
    """Encode what an image shows, without how it looks (MUNIT, section 5.1 and appendix B.2).

    A 7x7 convolution, strided 4x4 convolutions and residual blocks. Instance norms take mean and deviation of every channel away, and with
    them the style of the image.

    Args:
        image: Size and channels of the images.
        width: Channels after the first convolution; doubled at each step down.
        downsamples: Steps down.
        blocks: Residual blocks.
        pad: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1]
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples]

    Attributes:
        size_multiple: Sides are multiples of it.
        min_size: The smallest side.

    Raises:
        SpecError: A side is no multiple of the stride, or too small.
        OptionError: A number that cannot be.
    """

    def __init__(self, image: ImageSpec, *, width: int = 64, downsamples: int = 2, blocks: int = 4, pad: Pad = "reflect") -> None:
        super().__init__()
        _check("munit_content_encoder", image, width, downsamples, blocks)
        self.content = ContentStack(image.channels, width=width, downsamples=downsamples, blocks=blocks, pad=pad)
        self.size_multiple = self.content.stride
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),))
        kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code((self.content(image),))


class StyleStack(nn.Module):
    """A 7x7 convolution and four strided 4x4 ones, the mean over all places, and a 1x1 convolution; no norm.

    Shapes:
        in:  [B, channels, H, W], sides of 16 or more
        out: [B, style]
    """

    def __init__(self, channels: int, *, style: int, width: int, pad: Pad) -> None:
        super().__init__()
        widths = [width, 2 * width, *[4 * width] * (STYLE_STEPS - 1)]
        self.stem = PaddedConv(channels, width, 7, pad=pad)
        self.down = nn.Sequential(*(PaddedConv(before, after, 4, stride=2, pad=pad) for before, after in itertools.pairwise(widths)))
        self.head = nn.Conv2d(widths[-1], style, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the styles of images."""
        return cast(Tensor, self.head(self.down(self.stem(image)).mean((2, 3), keepdim=True)).flatten(1))


class StyleEncoder(nn.Module):
    """Encode how an image looks, without where (MUNIT, section 5.1 and appendix B.2).

    A 7x7 convolution and four strided 4x4 ones, the mean over all places, and a 1x1 convolution. There is no norm: it would take away mean
    and deviation of the channels, which are the style.

    Args:
        image: Channels of the images.
        style: Width of the style.
        width: Channels after the first convolution; doubled at each of the first two steps down.
        pad: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1], sides of 16 or more
        out: code.style [B, style]

    Attributes:
        min_size: The smallest side.

    Raises:
        SpecError: The image is too small.
        OptionError: A number that cannot be.
    """

    min_size = 2**STYLE_STEPS

    def __init__(self, image: ImageSpec, *, style: int = 8, width: int = 64, pad: Pad = "reflect") -> None:
        super().__init__()
        _check_style("munit_style_encoder", image, style, width)
        self.style = StyleStack(image.channels, style=style, width=width, pad=pad)
        self.output_spec = CodeSpec(style=StyleSpec(style))
        kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code(style=self.style(image))


class ContentStyleEncoder(nn.Module):
    """Encode what an image shows as maps, and how it looks as a style (MUNIT, figure 3).

    Args:
        image: Size and channels of the images.
        style: Width of the style.
        width: Channels after the first convolution of both.
        downsamples: Steps down to the content.
        blocks: Residual blocks of the content encoder.
        pad: "reflect" or "zero".

    Shapes:
        in:  image [B, C, H, W] in [-1, 1], sides of 16 or more
        out: code.maps[0] [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples];  code.style [B, style]

    Attributes:
        size_multiple: Sides are multiples of it.
        min_size: The smallest side.

    Raises:
        SpecError: A side is no multiple of the stride, or too small.
        OptionError: A number that cannot be.
    """

    def __init__(
        self, image: ImageSpec, *, style: int = 8, width: int = 64, downsamples: int = 2, blocks: int = 4, pad: Pad = "reflect"
    ) -> None:
        super().__init__()
        _check("munit_encoder", image, width, downsamples, blocks)
        _check_style("munit_encoder", image, style, width)
        self.content = ContentStack(image.channels, width=width, downsamples=downsamples, blocks=blocks, pad=pad)
        self.style = StyleStack(image.channels, style=style, width=width, pad=pad)
        self.size_multiple, self.min_size = self.content.stride, max(2**STYLE_STEPS, 2 * self.content.stride)
        self.output_spec = CodeSpec((MapSpec(self.content.channels, self.content.stride),), StyleSpec(style))
        kaiming(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Code:
        """Encode images."""
        return Code((self.content(image),), self.style(image))


def _check(name: str, image: ImageSpec, width: int, downsamples: int, blocks: int) -> None:
    if width < 1 or downsamples < 0 or blocks < 0:
        raise OptionError(
            f'"{name}" with width={width}, downsamples={downsamples} and blocks={blocks}: the first is 1 or more, the others 0 or more.'
        )
    size_multiple = 2**downsamples
    if image.height % size_multiple or image.width % size_multiple or min(image.height, image.width) < max(4, 2 * size_multiple):
        raise SpecError(
            f'"{name}" needs sides that are multiples of {size_multiple}, at least {max(4, 2 * size_multiple)}; found {image.height} x {image.width}.'
        )


def _check_style(name: str, image: ImageSpec, style: int, width: int) -> None:
    if style < 1 or width < 1:
        raise OptionError(f'"{name}" with style={style} and width={width}: both are 1 or more.')
    min_size = 2**STYLE_STEPS
    if min(image.height, image.width) < min_size:
        raise SpecError(
            f'"{name}" halves the image {STYLE_STEPS} times for its style and needs sides of {min_size} or more; found '
            f"{image.height} x {image.width}."
        )
