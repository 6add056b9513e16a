"""Convolution blocks of generators."""

from __future__ import annotations

from typing import Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.nn.convolution import Conv2d
from i2ikit.nn.norms import InstanceNorm

Edges = Literal["zeros", "reflect"]


class ConvBlock(nn.Module):
    """Convolution, instance norm and an optional ReLU.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Kernel size.
        stride: Stride of the convolution. The size is divided by it, or multiplied by it if ``up`` is set.
        up: Use a transposed convolution.
        active: Apply a ReLU at the end.
        track: Update running statistics in the norm; see :class:`i2ikit.nn.InstanceNorm`.
        affine: Learn a scale and a shift per channel in the norm.
        bias: Give the convolution a bias, as some original codes do. The norm removes every constant, so the bias has no effect.
        edges: Padding: "zeros", or "reflect", which a transposed convolution does not support.

    Shapes:
        in:  maps [B, inputs, H, W]; residual, added before the ReLU, with the shape of the output
        out: [B, outputs, H / stride, W / stride], or [B, outputs, H * stride, W * stride] if ``up`` is set
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
            # With an odd kernel the output is smaller than stride times the input: add the missing rows and columns.
            missing = stride - kernel + 2 * padding
            self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, missing, bias=bias)
        else:
            self.conv = Conv2d(inputs, outputs, kernel, stride, padding, bias=bias, padding_mode=edges)
        self.norm = InstanceNorm(outputs, affine=affine, track=track, activation="relu" if active else None)

    def forward(self, maps: Tensor, residual: Tensor | None = None) -> Tensor:
        """Convolve, normalise and activate maps."""
        return cast(Tensor, self.norm(self.conv(maps), residual))


class ResidualBlock(nn.Module):
    """Residual block: two 3x3 convolution blocks, the second without activation, added to the input (He et al. 2016).

    Args:
        channels: Input and output channels.
        track, affine, bias, edges: See :class:`ConvBlock`.
        dropout: Dropout rate between the two convolutions, in training and in evaluation mode. It is the noise of generators without
            another noise input (Isola et al. 2017, section 3.2). It uses torch's global random generator.

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
        """Return the input maps plus the output of the two convolutions."""
        between = self.first(maps)
        if self.dropout:
            between = F.dropout(between, self.dropout, training=True)
        return cast(Tensor, self.second(between, maps))
