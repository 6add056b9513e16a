"""A convolution that pads by reflection, with the norm and the activation behind it."""

from __future__ import annotations

from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import OptionError, SpecError, suggest
from i2ikit.nn.convolution import Conv2d
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
            raise OptionError(f'There is no padding "{pad}". {suggest(str(pad), get_args(Pad))}')
        if activation == "tanh" and norm in {"instance", "adain"}:
            raise OptionError(f'The activation "tanh" does not follow the norm "{norm}", which ends in "relu", "lrelu" or None.')
        self.margin, self.pad = (kernel - stride + 1) // 2, pad
        self.conv = Conv2d(inputs, outputs, kernel, stride, self.margin, padding_mode="zeros" if pad == "zero" else pad)
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
        self.fits(*maps.shape[-2:])
        maps = self.conv(maps)
        if isinstance(self.norm, AdaIN):
            return cast(Tensor, self.norm(maps, style, residual))
        if isinstance(self.norm, InstanceNorm):
            return cast(Tensor, self.norm(maps, residual))
        return self.activated(maps if self.norm is None else self.norm(maps))

    def fits(self, height: int, width: int) -> None:
        """Refuse maps that are too small to be reflected."""
        if self.pad == "reflect" and min(height, width) <= self.margin:
            raise SpecError(f"Maps of {height} x {width} cannot be reflected by {self.margin}: the image is too small here.")

    def activated(self, maps: Tensor) -> Tensor:
        """Return the maps activated. Nobody else reads what comes in, and so its memory is used again."""
        if self.activation == "relu":
            return F.relu(maps, inplace=True)
        if self.activation == "lrelu":
            return F.leaky_relu(maps, 0.2, inplace=True)
        return torch.tanh(maps) if self.activation == "tanh" else maps
