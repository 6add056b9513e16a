"""What ends the layers of StyleGAN2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from i2ikit import ops


class FusedLeakyReLU(nn.Module):
    """Add noise and a learnt bias, apply a leaky ReLU, multiply and clamp, in one step (Karras et al. 2020).

    Args:
        channels: Of what comes in, along axis 1.
        slope: Below zero.
        gain: Multiplies what was activated; the root of 2 keeps the second moment of normal numbers, but for the slope.
        clamp: Limits the result to -clamp .. clamp; None does not.

    Shapes:
        in:  [B, C, ...]; noise [B, 1, H, W] or [1, 1, H, W], one plane for all channels, multiplied by its strength, for maps alone
        out: as what came in
    """

    def __init__(self, channels: int, *, slope: float = 0.2, gain: float = 2.0**0.5, clamp: float | None = None) -> None:
        super().__init__()
        self.slope, self.gain, self.clamp = slope, gain, clamp
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, noise: Tensor | None = None) -> Tensor:
        """Add, activate, multiply and clamp."""
        return ops.bias_act(maps, self.bias, "lrelu", self.slope, self.gain, self.clamp, noise=noise)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{len(self.bias)}, slope={self.slope}, gain={self.gain:.4g}, clamp={self.clamp}"
