"""CycleGAN's generator."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError, suggest
from i2ikit.nn import ConvBlock, ResidualBlock, gaussian
from i2ikit.nn.resample import halving

Down = Literal["strided", "blurred"]
Up = Literal["transposed", "nearest", "bilinear"]


class CycleGANGenerator(nn.Module):
    """Draw an image from whole-image maps: two steps down, residual blocks, two steps up (Zhu et al. 2017, appendix 7.2).

    Every convolution is followed by an instance norm that learns nothing, and by a ReLU, but the last, which ends in a tanh. The 7x7
    convolutions at both ends and the blocks see mirrored edges.

    Args:
        code: What stands before it. The last map has stride 1: the image, and whatever a conditioner puts beside it.
        image: Size and channels of the images that are drawn.
        width: Channels at full size; doubled at each step down.
        blocks: Residual blocks at a quarter of the size. By default the paper's: 9 for images of 256 pixels and more, 6 for smaller ones.
        down: "strided", the paper's convolutions of stride 2; or "blurred": convolutions of stride 1 whose maps are blurred by [1, 2, 1]
            before every second pixel is taken (Zhang 2019).
        up: "transposed", the paper's transposed convolutions, whose kernels of 3 overlap unevenly and may leave a checkerboard;
            "nearest" or "bilinear": maps are enlarged so, and then convolved (Odena et al. 2016). CUT's antialiased generator is
            "blurred" and "bilinear".
        dropout: The share of values that are left out inside the blocks, in training and in use alike, as the noise of a generator that
            has none (MUNIT, section 5.3).
        noise: So many planes of normal numbers are put beside the input, drawn anew each time (MUNIT, section 5.3).

    Shapes:
        in:  code.maps[-1] [B, C', H, W], sides of 5 at least
        out: [B, C, H, W] in [-1, 1]

    Attributes:
        size_multiple: Sides that are no multiple of it lose what the last step up draws beyond them.
        stochastic: Whether it draws by itself, because of ``dropout`` or ``noise``.

    Raises:
        SpecError: The code has no map of stride 1, or the image has a side below 5.
        OptionError: No such option, or a number that cannot be.
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
            raise SpecError(f'"cyclegan_generator" draws from a last map at full size, but is given {code}. Use "identity_encoder".')
        if min(image.height, image.width) < 5:
            raise SpecError(f'"cyclegan_generator" needs sides of 5 pixels at least; found {image.height} x {image.width}.')
        blocks = (9 if min(image.height, image.width) >= 256 else 6) if blocks is None else blocks
        if width < 1 or blocks < 0 or noise < 0 or not 0 <= dropout < 1:
            raise OptionError(
                f'"cyclegan_generator" with width={width}, blocks={blocks}, dropout={dropout} and noise={noise}: the first is 1 or more, '
                "the others 0 or more, and dropout below 1."
            )
        _one_of("down", down, get_args(Down))
        _one_of("up", up, get_args(Up))
        self.noise, self.stochastic = noise, bool(noise or dropout)
        self.stem = _block(code.maps[-1].channels + noise, width, kernel=7)
        self.down = nn.Sequential(_lower(width, down), _lower(2 * width, down))
        middle = (ResidualBlock(4 * width, affine=False, bias=True, edges="reflect", dropout=dropout) for _ in range(blocks))
        self.middle = nn.Sequential(*middle)
        self.up = nn.Sequential(_higher(2 * width, up), _higher(width, up))
        self.draw = nn.Conv2d(width, image.channels, 7, padding=3, padding_mode="reflect")
        gaussian(self)

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code."""
        maps = code.maps[-1]
        height, width = maps.shape[-2:]
        if self.noise:
            # One number a place: the first norm would take away what is the same at all places.
            maps = torch.cat([maps, torch.randn(len(maps), self.noise, height, width, device=maps.device, dtype=maps.dtype)], 1)
        maps = self.up(self.middle(self.down(self.stem(maps))))
        image: Tensor = self.draw(maps[..., :height, :width])
        return image.tanh()


def _block(inputs: int, outputs: int, *, kernel: int, stride: int = 1, up: bool = False) -> ConvBlock:
    edges: Literal["zeros", "reflect"] = "reflect" if kernel == 7 else "zeros"
    return ConvBlock(inputs, outputs, kernel=kernel, stride=stride, up=up, affine=False, bias=True, edges=edges)


def _lower(width: int, how: Down) -> nn.Sequential:
    """Return a step to half the size and twice the channels: a block, and what halves its maps where it does not."""
    if how == "strided":
        return nn.Sequential(_block(width, 2 * width, kernel=3, stride=2))
    return nn.Sequential(_block(width, 2 * width, kernel=3), halving())


def _higher(width: int, how: Up) -> nn.Sequential:
    """Return a step to twice the size and half the channels, which are ``width``: a block, after what enlarges maps where it does not."""
    if how == "transposed":
        return nn.Sequential(_block(2 * width, width, kernel=3, stride=2, up=True))
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=how), _block(2 * width, width, kernel=3))


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(f'"cyclegan_generator" has no {option}="{value}". {suggest(str(value), known)}')
