"""Blocks whose convolutions pad by reflection, and the stacks of them that UNIT and MUNIT encode and draw with."""

from __future__ import annotations

from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import OptionError, SpecError, suggestion
from i2ikit.nn.norms import AdaIN, InstanceNorm, LayerNorm

Pad = Literal["reflect", "zero"]
Norm = Literal["none", "instance", "adain", "layer"]
Activation = Literal["relu", "lrelu", "tanh"] | None


class PaddedConv(nn.Module):
    """Pad, convolve with a bias, normalise and activate (MUNIT, appendix B.2).

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel.
        stride: Step of the kernel; the size is divided by it.
        pad: What surrounds the maps: "reflect", or "zero".
        norm: "none"; "instance", without weights of its own; "adain", whose scales and shifts come with the maps; "layer", see LayerNorm.
        activation: "relu"; "lrelu", of slope 0.2; "tanh"; or None.

    Shapes:
        in:  maps [B, inputs, H, W]; style [B, 2 * outputs], first the scales, then the shifts, for "adain" alone; residual as out, added
            before the activation, for "instance" and "adain" alone
        out: [B, outputs, H / stride, W / stride]

    Raises:
        OptionError: No such padding, or a norm and an activation that do not go together.
        SpecError: The maps are too small to be reflected.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: Pad = "reflect",
        norm: Norm = "none",
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        if pad not in get_args(Pad):
            raise OptionError(f'There is no padding "{pad}". {suggestion(str(pad), get_args(Pad))}')
        if activation == "tanh" and norm in {"instance", "adain"}:
            raise OptionError(f'The activation "tanh" does not follow the norm "{norm}", which ends in "relu", "lrelu" or None.')
        self.margin, self.pad = (kernel - stride + 1) // 2, pad
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0 if pad == "reflect" else self.margin)
        fused = None if activation == "tanh" else activation
        self.norm: nn.Module | None = None
        if norm == "instance":
            self.norm = InstanceNorm(outputs, affine=False, activation=fused)
        elif norm == "adain":
            self.norm = AdaIN(outputs, activation=fused)
        elif norm == "layer":
            self.norm = LayerNorm(outputs)
        # What the norm does in one step with its own work is not done again.
        self.activation = activation if norm in {"none", "layer"} else None

    def forward(self, maps: Tensor, style: Tensor | None = None, residual: Tensor | None = None) -> Tensor:
        """Pad, convolve, normalise and activate maps."""
        maps = self.conv(self.surrounded(maps))
        if isinstance(self.norm, AdaIN):
            return cast(Tensor, self.norm(maps, style, residual))
        if isinstance(self.norm, InstanceNorm):
            return cast(Tensor, self.norm(maps, residual))
        return self.activated(maps if self.norm is None else self.norm(maps))

    def surrounded(self, maps: Tensor) -> Tensor:
        """Return the maps with their reflection around them, where the convolution itself does not pad."""
        if self.pad != "reflect" or not self.margin:
            return maps
        if min(maps.shape[-2:]) <= self.margin:
            raise SpecError(
                f"Maps of {maps.shape[-2]} x {maps.shape[-1]} cannot be reflected by {self.margin}: the image is too small here."
            )
        return F.pad(maps, (self.margin,) * 4, mode="reflect")

    def activated(self, maps: Tensor) -> Tensor:
        """Return the maps activated. Nobody else reads what comes in, and so its memory is used again."""
        if self.activation == "relu":
            return F.relu(maps, inplace=True)
        if self.activation == "lrelu":
            return F.leaky_relu(maps, 0.2, inplace=True)
        return torch.tanh(maps) if self.activation == "tanh" else maps


class PaddedResidualBlock(nn.Module):
    """Two 3x3 convolutions with norms, the second without activation, added to what came in (He et al. 2016).

    Args:
        channels: In and out.
        pad: "reflect" or "zero".
        norm: "instance" or "adain".

    Shapes:
        in, out: maps [B, C, H, W]; styles [B, 4C] for "adain" alone: scales and shifts of the first norm, then of the second
    """

    def __init__(self, channels: int, *, pad: Pad = "reflect", norm: Norm = "instance") -> None:
        super().__init__()
        self.first = PaddedConv(channels, channels, 3, pad=pad, norm=norm)
        self.second = PaddedConv(channels, channels, 3, pad=pad, norm=norm, activation=None)

    def forward(self, maps: Tensor, styles: Tensor | None = None) -> Tensor:
        """Return the maps with the block's change added."""
        one, other = (None, None) if styles is None else styles.chunk(2, dim=1)
        return cast(Tensor, self.second(self.first(maps, one), other, maps))


class ContentStack(nn.Module):
    """A 7x7 convolution, strided 4x4 convolutions and residual blocks, all with instance norms: the content of an image (MUNIT, B.2).

    Args:
        channels: Of the image.
        width: Channels after the first convolution; doubled at each step down.
        steps: Steps down.
        blocks: Residual blocks.
        pad: "reflect" or "zero".

    Shapes:
        in:  [B, channels, H, W], sides that are multiples of 2**steps
        out: [B, width * 2**steps, H / 2**steps, W / 2**steps]
    """

    def __init__(self, channels: int, *, width: int, steps: int, blocks: int, pad: Pad = "reflect") -> None:
        super().__init__()
        self.stem = PaddedConv(channels, width, 7, pad=pad, norm="instance")
        self.down = nn.Sequential(
            *(PaddedConv(width * 2**step, width * 2 ** (step + 1), 4, stride=2, pad=pad, norm="instance") for step in range(steps))
        )
        self.channels, self.stride = width * 2**steps, 2**steps
        self.blocks = nn.Sequential(*(PaddedResidualBlock(self.channels, pad=pad) for _ in range(blocks)))

    def forward(self, image: Tensor) -> Tensor:
        """Return the content of images."""
        return cast(Tensor, self.blocks(self.down(self.stem(image))))


class DrawingStack(nn.Module):
    """Steps up, each twice the size by nearest neighbours and a 5x5 convolution with a layer norm, then a 7x7 convolution (MUNIT, B.2).

    Args:
        inputs: Channels of the maps; halved at each step up.
        channels: Of the image.
        steps: Steps up.
        pad: "reflect" or "zero".

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, channels, H * 2**steps, W * 2**steps] in [-1, 1]
    """

    def __init__(self, inputs: int, channels: int, *, steps: int, pad: Pad = "reflect") -> None:
        super().__init__()
        widths = [inputs // 2**step for step in range(steps + 1)]
        self.up = nn.ModuleList(PaddedConv(widths[step], widths[step + 1], 5, pad=pad, norm="layer") for step in range(steps))
        self.draw = PaddedConv(widths[-1], channels, 7, pad=pad, activation="tanh")

    def forward(self, maps: Tensor) -> Tensor:
        """Draw images."""
        for block in self.up:
            maps = block(F.interpolate(maps, scale_factor=2.0, mode="nearest"))
        return cast(Tensor, self.draw(maps))
