"""Convolution blocks of generators."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from i2ikit.nn.norms import InstanceNorm


class ConvBlock(nn.Module):
    """A bias-free convolution, an instance norm and, where wanted, a ReLU.

    The norm takes every constant away, so that a bias of the convolution would do nothing.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel.
        stride: Step of the kernel; the size is divided by it, or multiplied where ``up``.
        up: Transposed convolution.
        active: End in a ReLU.
        track: Keep running statistics in the norm; see InstanceNorm.

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, H / stride, W / stride], or [B, outputs, H * stride, W * stride]; so is a residual, which is added before the ReLU
    """

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, up: bool = False, active: bool = True, track: bool = False
    ) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        self.conv = kind(inputs, outputs, kernel, stride, (kernel - stride + 1) // 2, bias=False)
        self.norm = InstanceNorm(outputs, track=track, activation="relu" if active else None)

    def forward(self, maps: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve, normalise and activate maps."""
        return cast(Tensor, self.norm(self.conv(maps), residual))


class ResidualBlock(nn.Module):
    """Two 3x3 convolution blocks, the second without activation, added to what came in (He et al. 2016).

    Shapes:
        in, out: [B, channels, H, W]
    """

    def __init__(self, channels: int, *, track: bool = False) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels, kernel=3, track=track)
        self.second = ConvBlock(channels, channels, kernel=3, active=False, track=track)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps with the block's change added."""
        return cast(Tensor, self.second(self.first(maps), maps))
