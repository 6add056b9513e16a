"""SimGAN's refiner."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError


class SimGANRefiner(nn.Module):
    """Draw an image from whole-image maps by residual blocks that never leave full size (Shrivastava et al. 2017, section 3.1).

    It looks at few pixels around each one and normalises nothing, so that it changes textures and leaves what is where.

    Args:
        code: What is given. The last map has stride 1.
        image: Channels of the images.
        width: Channels of all hidden maps.
        blocks: Residual blocks, each two convolutions. The paper has 4 for eyes and 10 for hands.
        kernel: Side of the first kernel, odd. The paper has 3 for eyes and 7 for hands; the other ones have 3.

    Shapes:
        in:  code.maps[-1] [B, C, H, W]
        out: [B, C', H, W] in [-1, 1]

    Raises:
        SpecError: The code has no map of stride 1.
        OptionError: A number that cannot be.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, width: int = 64, blocks: int = 4, kernel: int = 3) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1:
            raise SpecError(f'"simgan_refiner" draws from a last map at full size, but is given {code}. Use "identity_encoder".')
        if width < 1 or blocks < 0 or kernel < 1 or kernel % 2 == 0:
            raise OptionError(
                f'"simgan_refiner" with width={width}, blocks={blocks} and kernel={kernel}: needed are 1, 0 and 1 or more, the last odd.'
            )
        self.first = nn.Conv2d(code.maps[-1].channels, width, kernel, padding=kernel // 2)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.draw = nn.Conv2d(width, image.channels, 1)

    def forward(self, code: Code) -> Tensor:
        """Draw images from a code."""
        return torch.tanh(self.draw(self.blocks(F.relu(self.first(code.maps[-1])))))


class _Block(nn.Module):
    """Two 3x3 convolutions, added to what came in before the last ReLU (the paper's figure 6)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(maps + cast(Tensor, self.second(F.relu(self.first(maps)))))
