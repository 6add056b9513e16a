"""CoGAN's generator and discriminator. What several domains share is the part ``trunk``: ``Slot(..., per="domain", shared=("trunk",))``."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn import gaussian


class CoGANGenerator(nn.Module):
    """Draw an image from noise: transposed convolutions with batch norm and PReLU (Liu and Tuzel 2016, section 3 and appendix).

    The noise becomes a map of 4 to 7 pixels a side, which is doubled until it has the size of the image. The first layers decide what is to
    be seen and can be shared; the last ones decide how it looks.

    Args:
        code: What is given: a style, the noise.
        image: Size and channels of the images; a side that is odd, or less than 8, cannot be doubled to.
        width: Channels of the last hidden map; doubled by each layer before it.
        max_width: No map has more channels than this.
        unshared: Doublings that are not shared, beside the last convolution.

    Shapes:
        in:  code.style [B, S]
        out: [B, C, H, W] in [-1, 1]

    Raises:
        SpecError: The code has no style, or the image is too small or odd.
        OptionError: A number that cannot be.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, width: int = 32, max_width: int = 1024, unshared: int = 1) -> None:
        super().__init__()
        if code.style is None or code.style.vectors:
            raise SpecError(
                f'"cogan_generator" draws from one style vector, the noise, but is given {code}. Draw one: build(..., style=100).'
            )
        steps = _halvings(image, "cogan_generator")
        _whole("cogan_generator", width, max_width, unshared, steps)
        widths = [min(width * 2**step, max_width) for step in reversed(range(steps + 1))]
        start = (image.height >> steps, image.width >> steps)
        layers = [_up(code.style.width, widths[0], start)]
        layers += [_up(before, after) for before, after in pairwise(widths)]
        self.trunk = nn.Sequential(*layers[: len(layers) - unshared])
        self.head = nn.Sequential(*layers[len(layers) - unshared :], nn.Conv2d(widths[-1], image.channels, 3, padding=1))
        gaussian(self)

    def forward(self, code: Code) -> Tensor:
        """Draw images from noise."""
        assert code.style is not None
        return torch.tanh(self.head(self.trunk(code.style[:, :, None, None])))


class CoGANDiscriminator(nn.Module):
    """Score the whole image: strided convolutions with PReLU, then one linear layer (Liu and Tuzel 2016, section 3 and appendix).

    Args:
        image: Size and channels of the images, as the generator takes them.
        width: Channels after the first convolution; doubled by each further one.
        max_width: No map has more channels than this.
        unshared: Convolutions that are not shared.

    Shapes:
        in:  [B, C, H, W]
        out: scores[0] [B, 1]

    Attributes:
        fixed_size: Only images of the size it was built for can be scored.

    Raises:
        SpecError: The image is too small or odd.
        OptionError: A number that cannot be.
    """

    fixed_size = True
    inputs: tuple[str, ...] = ()

    def __init__(self, image: ImageSpec, *, width: int = 32, max_width: int = 1024, unshared: int = 1) -> None:
        super().__init__()
        steps = _halvings(image, "cogan_discriminator")
        _whole("cogan_discriminator", width, max_width, unshared, steps)
        widths = [image.channels, *(min(width * 2**step, max_width) for step in range(steps))]
        layers = [nn.Sequential(nn.Conv2d(before, after, 5, 2, 2), nn.PReLU()) for before, after in pairwise(widths)]
        places = (image.height >> steps) * (image.width >> steps)
        self.first = nn.Sequential(*layers[:unshared])
        self.trunk = nn.Sequential(*layers[unshared:], nn.Flatten(), nn.Linear(widths[-1] * places, 1))
        gaussian(self)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Score images."""
        return DiscriminatorOutput((cast(Tensor, self.trunk(self.first(image))),))


def _up(before: int, after: int, start: tuple[int, int] | None = None) -> nn.Sequential:
    """A layer that doubles the size, or that makes a map of the size ``start`` of one place."""
    conv = nn.ConvTranspose2d(before, after, start, bias=False) if start else nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.PReLU())


def _halvings(image: ImageSpec, name: str) -> int:
    """Return how often both sides can be halved and are 4 at least."""
    height, width, steps = image.height, image.width, 0
    while not (height % 2 or width % 2) and min(height, width) >= 8:
        height, width, steps = height // 2, width // 2, steps + 1
    if not steps or max(height, width) >= 32:
        raise SpecError(f'"{name}" needs sides that can be halved down to some 4 to 8 pixels; found {image}. Use 32, 64 or 128.')
    return steps


def _whole(name: str, width: int, max_width: int, unshared: int, steps: int) -> None:
    if width < 1 or max_width < 1 or not 0 <= unshared <= steps:
        raise OptionError(
            f'"{name}" with width={width}, widest={max_width} and own={unshared}: needed are 1, 1 and 0 or more, own at most {steps} here.'
        )
