"""Encoder, decoder and residual blocks of UNIT and MUNIT, built from padded convolutions."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from i2ikit.nn.padded_conv import Norm, Pad, PaddedConv
from i2ikit.nn.upsample_conv import UpsampleConv


class PaddedResidualBlock(nn.Module):
    """Residual block: two 3x3 convolutions with norms, the second without activation, added to the input (He et al. 2016).

    Args:
        channels: Input and output channels.
        pad: Padding: "reflect" or "zero".
        norm: "instance" or "adain".

    Shapes:
        in:  maps [B, C, H, W]; styles [B, 4C], only for "adain": scales and shifts of the first norm, then of the second
        out: [B, C, H, W]
    """

    def __init__(self, channels: int, *, pad: Pad = "reflect", norm: Norm = "instance") -> None:
        super().__init__()
        self.first = PaddedConv(channels, channels, 3, pad=pad, norm=norm)
        self.second = PaddedConv(channels, channels, 3, pad=pad, norm=norm, activation=None)

    def forward(self, maps: Tensor, styles: Tensor | None = None) -> Tensor:
        """Return the input maps plus the output of the two convolutions."""
        first, second = (None, None) if styles is None else styles.chunk(2, dim=1)
        return cast(Tensor, self.second(self.first(maps, first), second, maps))


class ConvEncoder(nn.Module):
    """Encoder of UNIT and of MUNIT's content: a 7x7 convolution, strided 4x4 convolutions and residual blocks (MUNIT, appendix B.2).

    All have instance norms.

    Args:
        channels: Channels of the image.
        width: Channels after the first convolution. Each downsampling doubles them.
        downsamples: Number of convolutions of stride 2.
        blocks: Number of residual blocks.
        pad: Padding: "reflect" or "zero".

    Shapes:
        in:  [B, channels, H, W], with sides that are multiples of 2**downsamples
        out: [B, width * 2**downsamples, H / 2**downsamples, W / 2**downsamples]
    """

    def __init__(self, channels: int, *, width: int, downsamples: int, blocks: int, pad: Pad = "reflect") -> None:
        super().__init__()
        self.stem = PaddedConv(channels, width, 7, pad=pad, norm="instance")
        self.down = nn.Sequential(
            *(PaddedConv(width * 2**step, width * 2 ** (step + 1), 4, stride=2, pad=pad, norm="instance") for step in range(downsamples))
        )
        self.channels, self.stride = width * 2**downsamples, 2**downsamples
        self.blocks = nn.Sequential(*(PaddedResidualBlock(self.channels, pad=pad) for _ in range(blocks)))

    def forward(self, image: Tensor) -> Tensor:
        """Encode images."""
        return cast(Tensor, self.blocks(self.down(self.stem(image))))


class Decoder(nn.Module):
    """Decoder of UNIT and MUNIT: upsampling blocks, then a 7x7 convolution (MUNIT, appendix B.2).

    Each upsampling block doubles the size by nearest neighbours and has a 5x5 convolution and a layer norm.

    Args:
        inputs: Channels of the maps. Each upsampling block halves them.
        channels: Channels of the image.
        upsamples: Number of upsampling blocks.
        pad: Padding: "reflect" or "zero".

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, channels, H * 2**upsamples, W * 2**upsamples] in [-1, 1]
    """

    def __init__(self, inputs: int, channels: int, *, upsamples: int, pad: Pad = "reflect") -> None:
        super().__init__()
        widths = [inputs // 2**step for step in range(upsamples + 1)]
        self.up = nn.ModuleList(UpsampleConv(widths[step], widths[step + 1], pad=pad) for step in range(upsamples))
        self.draw = PaddedConv(widths[-1], channels, 7, pad=pad, activation="tanh")

    def forward(self, maps: Tensor) -> Tensor:
        """Decode maps to images."""
        for block in self.up:
            maps = block(maps)
        return cast(Tensor, self.draw(maps))
