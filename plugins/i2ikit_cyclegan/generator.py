"""CycleGAN's generator."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError, suggest
from i2ikit.nn import ConvBlock, ResidualBlock, init_gaussian
from i2ikit.nn.resample import make_blur_pool

Down = Literal["strided", "blurred"]
Up = Literal["transposed", "nearest", "bilinear"]


class CycleGANGenerator(nn.Module):
    """Generator of CycleGAN: two downsampling convolutions, residual blocks, two upsampling convolutions (Zhu et al. 2017, appendix 7.2).

    Each convolution is followed by an instance norm without learned parameters and a ReLU; the last one is followed by a tanh. The 7x7
    convolutions at both ends and the residual blocks use reflection padding.

    Args:
        code: Spec of the input code. Its last map must have stride 1: the image, and the channels that a conditioner adds to it.
        image: Size and channels of the generated images.
        width: Channels at full resolution. Each downsampling doubles them. Allowed: 1 or more.
        blocks: Number of residual blocks, at a quarter of the resolution. The default is that of the paper: 9 for images of 256 pixels and
            more, 6 for smaller ones. Allowed: 0 or more, or None.
        down: "strided" (the paper): convolutions of stride 2. "blurred": convolutions of stride 1, whose maps are blurred by [1, 2, 1]
            before every second pixel is taken (Zhang 2019).
        up: "transposed" (the paper): transposed convolutions. Their kernels of size 3 overlap unevenly, which may cause checkerboard
            artifacts. "nearest" or "bilinear": upsampling, followed by a convolution (Odena et al. 2016). The antialiased generator of CUT
            is "blurred" and "bilinear".
        dropout: Dropout probability inside the blocks. It stays active at inference, as a source of noise (MUNIT, section 5.3). Allowed: 0
            or more and below 1.
        noise: Number of channels with normal noise that are concatenated with the input (MUNIT, section 5.3). Allowed: 0 or more.

    Shapes:
        in:  code.maps[-1] [B, C', H, W], with sides of 5 or more
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        size_multiple: If a side is not a multiple of this number, the last upsampling returns more pixels and the surplus is cropped.
        stochastic: Whether the output is random, because of ``dropout`` or ``noise``.

    Raises:
        SpecError: The code has no map of stride 1, or a side of the image is below 5.
        OptionError: An option is unknown, or a number is out of range.
    """

    size_multiple = 4

    def __init__(
        self,
        code: CodeSpec,
        image: ImageSpec,
        *,
        width: int = 64,
        blocks: int | None = None,
        down: Down = "strided",
        up: Up = "transposed",
        dropout: float = 0.0,
        noise: int = 0,
    ) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1:
            raise SpecError(f'"cyclegan_generator" requires a code whose last map has stride 1; found {code}. Use "identity_encoder".')
        if min(image.height, image.width) < 5:
            raise SpecError(f'"cyclegan_generator" requires sides of 5 pixels or more; found {image.height} x {image.width}.')
        blocks = (9 if min(image.height, image.width) >= 256 else 6) if blocks is None else blocks
        if width < 1 or blocks < 0 or noise < 0 or not 0 <= dropout < 1:
            raise OptionError(
                f'"cyclegan_generator" does not support width={width}, blocks={blocks}, dropout={dropout}, noise={noise}: width must be 1 '
                "or more, the others 0 or more, and dropout below 1."
            )
        _check_choice("down", down, get_args(Down))
        _check_choice("up", up, get_args(Up))
        self.noise, self.stochastic = noise, bool(noise or dropout)
        self.stem = _make_block(code.maps[-1].channels + noise, width, kernel=7)
        self.down = nn.Sequential(_make_downsampling(width, down), _make_downsampling(2 * width, down))
        middle = (ResidualBlock(4 * width, affine=False, bias=True, edges="reflect", dropout=dropout) for _ in range(blocks))
        self.middle = nn.Sequential(*middle)
        self.up = nn.Sequential(_make_upsampling(2 * width, up), _make_upsampling(width, up))
        self.draw = nn.Conv2d(width, image.channels, 7, padding=3, padding_mode="reflect")
        init_gaussian(self)

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code."""
        maps = code.maps[-1]
        height, width = maps.shape[-2:]
        if self.noise:
            # One number per position: the first instance norm would remove a value that is equal at all positions.
            maps = torch.cat([maps, torch.randn(len(maps), self.noise, height, width, device=maps.device, dtype=maps.dtype)], 1)
        maps = self.up(self.middle(self.down(self.stem(maps))))
        image: Tensor = self.draw(maps[..., :height, :width])
        return image.tanh()


def _make_block(inputs: int, outputs: int, *, kernel: int, stride: int = 1, up: bool = False) -> ConvBlock:
    edges: Literal["zeros", "reflect"] = "reflect" if kernel == 7 else "zeros"
    return ConvBlock(inputs, outputs, kernel=kernel, stride=stride, up=up, affine=False, bias=True, edges=edges)


def _make_downsampling(width: int, down: Down) -> nn.Sequential:
    """Return layers that halve the resolution and double the channels."""
    if down == "strided":
        return nn.Sequential(_make_block(width, 2 * width, kernel=3, stride=2))
    return nn.Sequential(_make_block(width, 2 * width, kernel=3), make_blur_pool())


def _make_upsampling(width: int, up: Up) -> nn.Sequential:
    """Return layers that double the resolution and halve the channels, to ``width``."""
    if up == "transposed":
        return nn.Sequential(_make_block(2 * width, width, kernel=3, stride=2, up=True))
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=up), _make_block(2 * width, width, kernel=3))


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise OptionError(f'"cyclegan_generator" does not support {option}="{value}". {suggest(str(value), choices)}')
