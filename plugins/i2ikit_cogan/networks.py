"""CoGAN's generator and discriminator. Domains share the submodule ``trunk``: ``Slot(..., per="domain", shared=("trunk",))``."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, DiscriminatorOutput, ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn import init_gaussian


class CoGANGenerator(nn.Module):
    """Generator of CoGAN: transposed convolutions with batch norm and PReLU (Liu and Tuzel 2016, section 3 and appendix).

    The noise becomes a map of 4 to 7 pixels per side, which is upsampled by 2 until it has the size of the image. The first layers
    determine the high-level content and can be shared; the last layers determine the appearance.

    Args:
        code: Spec of the input code: a style, which is the noise.
        image: Size and channels of the images. Both sides must be even and 8 or more.
        width: Channels of the last hidden map. Each layer before it has twice the channels of the next. Allowed: 1 or more.
        max_width: The maximal number of channels of a map. Allowed: 1 or more.
        unshared: How many of the last upsampling layers are not shared. The last convolution is never shared. Allowed: 0 or more.

    Shapes:
        in:  code.style [B, S]
        out: [B, C, H, W] in [-1, 1]

    Raises:
        SpecError: The code has no style, or a side of the image is too small or odd.
        OptionError: A number is out of range.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, width: int = 32, max_width: int = 1024, unshared: int = 1) -> None:
        super().__init__()
        if code.style is None or code.style.vectors:
            raise SpecError(
                f'"cogan_generator" requires one style vector, the noise; found {code}. Sample it from the prior: build(..., style=100).'
            )
        steps = _count_halvings(image, "cogan_generator")
        _check_options("cogan_generator", width, max_width, unshared, steps)
        widths = [min(width * 2**step, max_width) for step in reversed(range(steps + 1))]
        start = (image.height >> steps, image.width >> steps)
        layers = [_make_upsampling(code.style.width, widths[0], start)]
        layers += [_make_upsampling(before, after) for before, after in pairwise(widths)]
        self.trunk = nn.Sequential(*layers[: len(layers) - unshared])
        self.head = nn.Sequential(*layers[len(layers) - unshared :], nn.Conv2d(widths[-1], image.channels, 3, padding=1))
        init_gaussian(self)

    def forward(self, code: Code) -> Tensor:
        """Generate images from noise."""
        assert code.style is not None
        return torch.tanh(self.head(self.trunk(code.style[:, :, None, None])))


class CoGANDiscriminator(nn.Module):
    """Discriminator of CoGAN: strided convolutions with PReLU, then one linear layer (Liu and Tuzel 2016, section 3 and appendix).

    Args:
        image: Size and channels of the images, with the same constraints as for the generator.
        width: Channels after the first convolution. Each further convolution doubles them. Allowed: 1 or more.
        max_width: The maximal number of channels of a map. Allowed: 1 or more.
        unshared: How many of the first convolutions are not shared. Allowed: 0 or more.

    Shapes:
        in:  [B, C, H, W] in [-1, 1]
        out: scores[0] [B, 1]

    Attributes:
        fixed_size: True: the discriminator accepts only images of the size it was built for.

    Raises:
        SpecError: A side of the image is too small or odd.
        OptionError: A number is out of range.
    """

    fixed_size = True
    inputs: tuple[str, ...] = ()

    def __init__(self, image: ImageSpec, *, width: int = 32, max_width: int = 1024, unshared: int = 1) -> None:
        super().__init__()
        steps = _count_halvings(image, "cogan_discriminator")
        _check_options("cogan_discriminator", width, max_width, unshared, steps)
        widths = [image.channels, *(min(width * 2**step, max_width) for step in range(steps))]
        layers = [nn.Sequential(nn.Conv2d(before, after, 5, 2, 2), nn.PReLU()) for before, after in pairwise(widths)]
        positions = (image.height >> steps) * (image.width >> steps)
        self.first = nn.Sequential(*layers[:unshared])
        self.trunk = nn.Sequential(*layers[unshared:], nn.Flatten(), nn.Linear(widths[-1] * positions, 1))
        init_gaussian(self)

    def forward(self, image: Tensor) -> DiscriminatorOutput:
        """Score images."""
        return DiscriminatorOutput((cast(Tensor, self.trunk(self.first(image))),))


def _make_upsampling(before: int, after: int, start: tuple[int, int] | None = None) -> nn.Sequential:
    """Return a layer that upsamples by 2, or one that turns a single position into a map of the size ``start``."""
    conv = nn.ConvTranspose2d(before, after, start, bias=False) if start else nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.PReLU())


def _count_halvings(image: ImageSpec, name: str) -> int:
    """Return how often both sides can be halved while they stay 4 or more."""
    height, width, steps = image.height, image.width, 0
    while not (height % 2 or width % 2) and min(height, width) >= 8:
        height, width, steps = height // 2, width // 2, steps + 1
    if not steps or max(height, width) >= 32:
        raise SpecError(f'"{name}" requires sides that can be halved until 4 to 8 pixels remain; found {image}. Use size 32, 64 or 128.')
    return steps


def _check_options(name: str, width: int, max_width: int, unshared: int, steps: int) -> None:
    if width < 1 or max_width < 1 or not 0 <= unshared <= steps:
        raise OptionError(
            f'"{name}" does not support width={width}, max_width={max_width}, unshared={unshared}: width and max_width must be 1 or more, '
            f"unshared between 0 and {steps}."
        )
