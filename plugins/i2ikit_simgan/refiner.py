"""SimGAN's refiner."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import Code, CodeSpec, ImageSpec
from i2ikit.errors import OptionError, SpecError


class SimGANRefiner(nn.Module):
    """Refiner of SimGAN: residual blocks at full resolution (Shrivastava et al. 2017, section 3.1).

    Its receptive field is small and it has no norm. It therefore changes textures and preserves the structure of the image.

    Args:
        code: Spec of the input code. Its last map must have stride 1.
        image: Channels of the images.
        width: Channels of all hidden maps. Allowed: 1 or more.
        blocks: Number of residual blocks, with two convolutions each. The paper uses 4 for eyes and 10 for hands. Allowed: 0 or more.
        kernel: Kernel size of the first convolution; must be odd. The paper uses 3 for eyes and 7 for hands. Other kernels have size 3.
            Allowed: odd numbers from 1.

    Shapes:
        in:  code.maps[-1] [B, C, H, W]
        out: [B, C', H, W] in [-1, 1]

    Raises:
        SpecError: The code has no map of stride 1.
        OptionError: A number is out of range.
    """

    def __init__(self, code: CodeSpec, image: ImageSpec, *, width: int = 64, blocks: int = 4, kernel: int = 3) -> None:
        super().__init__()
        if not code.maps or code.maps[-1].stride != 1:
            raise SpecError(f'"simgan_refiner" requires a code whose last map has stride 1; found {code}. Use "identity_encoder".')
        if width < 1 or blocks < 0 or kernel < 1 or kernel % 2 == 0:
            raise OptionError(
                f'"simgan_refiner" does not support width={width}, blocks={blocks}, kernel={kernel}: width must be 1 or more, blocks 0 or '
                "more, and kernel odd."
            )
        self.first = nn.Conv2d(code.maps[-1].channels, width, kernel, padding=kernel // 2)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.draw = nn.Conv2d(width, image.channels, 1)

    def forward(self, code: Code) -> Tensor:
        """Generate images from a code."""
        return torch.tanh(self.draw(self.blocks(F.relu(self.first(code.maps[-1])))))


class _Block(nn.Module):
    """Residual block: two 3x3 convolutions, and a ReLU after the addition (figure 6 of the paper)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(maps + cast(Tensor, self.second(F.relu(self.first(maps)))))
