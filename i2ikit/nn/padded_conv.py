"""Convolution with reflection padding, norm and activation."""

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
    """Padding, convolution with bias, norm and activation (MUNIT, appendix B.2).

    Args:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Kernel size.
        stride: Stride of the convolution. The size is divided by it.
        pad: Padding: "reflect" or "zero".
        norm: "none"; "instance", without learned scale and shift; "adain", whose scales and shifts are an input; "layer", see
            :class:`i2ikit.nn.LayerNorm`.
        activation: "relu", "lrelu" (slope 0.2), "tanh" or None.

    Shapes:
        in:  maps [B, inputs, H, W]; style [B, 2 * outputs], scales, then shifts, only for "adain"; residual with the shape of the output,
            added before the activation, only for "instance" and "adain"
        out: [B, outputs, H / stride, W / stride]

    Raises:
        OptionError: The padding is unknown, or the norm does not support the activation.
        SpecError: The maps are too small for reflection padding.
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
            raise OptionError(f'No padding is called "{pad}". {suggest(str(pad), get_args(Pad))}')
        if activation == "tanh" and norm in {"instance", "adain"}:
            raise OptionError(f'The norm "{norm}" does not support the activation "tanh". Use "relu", "lrelu" or None.')
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
        # The instance norms apply the activation themselves, in the same operation.
        self.activation = activation if norm in {"none", "layer"} else None

    def forward(self, maps: Tensor, style: Tensor | None = None, residual: Tensor | None = None) -> Tensor:
        """Pad, convolve, normalise and activate maps."""
        self.check_size(*maps.shape[-2:])
        maps = self.conv(maps)
        if isinstance(self.norm, AdaIN):
            return cast(Tensor, self.norm(maps, style, residual))
        if isinstance(self.norm, InstanceNorm):
            return cast(Tensor, self.norm(maps, residual))
        return self.activate(maps if self.norm is None else self.norm(maps))

    def check_size(self, height: int, width: int) -> None:
        """Check that maps are large enough for reflection padding.

        Raises:
            SpecError: They are too small.
        """
        if self.pad == "reflect" and min(height, width) <= self.margin:
            raise SpecError(f"Maps of {height} x {width} pixels are too small for reflection padding by {self.margin}. Use larger images.")

    def activate(self, maps: Tensor) -> Tensor:
        """Apply the activation. It works in place, because nothing else reads these maps."""
        if self.activation == "relu":
            return F.relu(maps, inplace=True)
        if self.activation == "lrelu":
            return F.leaky_relu(maps, 0.2, inplace=True)
        return torch.tanh(maps) if self.activation == "tanh" else maps
