"""Convolution blocks of generators."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.nn.convolution import Conv2d
from i2ikit.nn.norms import InstanceNorm

Edges = Literal["zeros", "reflect"]


class ConvBlock(nn.Module):
    """A convolution, an instance norm and, where wanted, a ReLU.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel.
        stride: Step of the kernel; the size is divided by it, or multiplied where ``up``.
        up: Transposed convolution.
        active: End in a ReLU.
        track: Keep running statistics in the norm; see InstanceNorm.
        affine: Learn a scale and a shift for each channel in the norm.
        bias: Give the convolution a bias, as some originals do. The norm takes every constant away, and the bias with it.
        edges: What lies around the maps: "zeros", or "reflect" for their mirror image, which a transposed convolution cannot have.

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, H / stride, W / stride], or [B, outputs, H * stride, W * stride]; so is a residual, which is added before the ReLU
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int,
        stride: int = 1,
        up: bool = False,
        active: bool = True,
        track: bool = False,
        affine: bool = True,
        bias: bool = False,
        edges: Edges = "zeros",
    ) -> None:
        super().__init__()
        padding = (kernel - stride + 1) // 2
        self.conv: nn.Module
        if up:
            # One more row and column where an odd kernel leaves the result short of stride times the size.
            missing = stride - kernel + 2 * padding
            self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, missing, bias=bias)
        else:
            self.conv = Conv2d(inputs, outputs, kernel, stride, padding, bias=bias, padding_mode=edges)
        self.norm = InstanceNorm(outputs, affine=affine, track=track, activation="relu" if active else None)

    def forward(self, maps: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve, normalise and activate maps."""
        return cast(Tensor, self.norm(self.conv(maps), residual))


class ResidualBlock(nn.Module):
    """Two 3x3 convolution blocks, the second without activation, added to what came in (He et al. 2016).

    Args:
        channels: Channels in and out.
        track, affine, bias, edges: As ConvBlock takes them.
        dropout: The share of values that are left out between the two, in training and in use alike: it is the noise of generators that
            are given no other (Isola et al. 2017, section 3.2). Who sets it above 0 draws from torch's global stream.

    Shapes:
        in, out: [B, channels, H, W]
    """

    def __init__(
        self,
        channels: int,
        *,
        track: bool = False,
        affine: bool = True,
        bias: bool = False,
        edges: Edges = "zeros",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.first = ConvBlock(channels, channels, kernel=3, track=track, affine=affine, bias=bias, edges=edges)
        self.second = ConvBlock(channels, channels, kernel=3, active=False, track=track, affine=affine, bias=bias, edges=edges)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps with the block's change added."""
        between = self.first(maps)
        if self.dropout:
            between = F.dropout(between, self.dropout, training=True)
        return cast(Tensor, self.second(between, maps))
