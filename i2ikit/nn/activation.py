"""The noise, bias and activation at the end of StyleGAN2's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit import ops


class FusedLeakyReLU(nn.Module):
    """Leaky ReLU with noise, a learned bias, a gain and a clamp, in one operation (Karras et al. 2020).

    Args:
        channels: Channels of the input, on axis 1.
        slope: Slope for negative values.
        gain: Factor of the activated values. The default, the square root of 2, nearly preserves the second moment of normal numbers.
        clamp: Limits the output to [-clamp, clamp]; None sets no limit.

    Shapes:
        in:  [B, C, ...]; noise [B, 1, H, W] or [1, 1, H, W], already scaled by its strength and equal for all channels; only with maps
            [B, C, H, W]
        out: as the input
    """

    def __init__(self, channels: int, *, slope: float = 0.2, gain: float = 2.0**0.5, clamp: float | None = None) -> None:
        super().__init__()
        self.slope, self.gain, self.clamp = slope, gain, clamp
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, noise: Tensor | None = None) -> Tensor:
        """Add noise and bias, activate, multiply by the gain and clamp."""
        return ops.bias_act(maps, self.bias, "lrelu", self.slope, self.gain, self.clamp, noise=noise)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{len(self.bias)}, slope={self.slope}, gain={self.gain:.4g}, clamp={self.clamp}"
