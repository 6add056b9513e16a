"""Normalisation layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class InstanceNorm(nn.Module):
    """Normalise each channel of each image by its own mean and variance (Ulyanov et al. 2016), in training and in use alike.

    Args:
        channels: Channels of the maps.
        affine: Learn a scale and a shift for each channel.
        track: Keep running statistics as buffers, as some originals do. They are updated in training, saved and loaded, and never
            used for the output: those originals never leave training mode, and their images come out wrong with these statistics.
            Each process and each micro-batch counts its own images.
        eps: Added to the variance.
        momentum: The share of the newest statistics in the running ones.

    Shapes:
        in, out: [B, C, H, W] with H * W > 1
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, *, affine: bool = True, track: bool = False, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels, self.affine, self.track, self.eps, self.momentum = channels, affine, track, eps, momentum
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        if track:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
            self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps [B, C, H, W]."""
        if self.track and self.training:
            self._remember(maps.detach())
        if maps.device.type == "cpu":  # groups of one channel are the same numbers, and faster there
            return F.group_norm(maps, self.channels, self.weight, self.bias, self.eps).to(maps.dtype)
        return F.instance_norm(maps, None, None, self.weight, self.bias, eps=self.eps)

    def _remember(self, maps: Tensor) -> None:
        var, mean = torch.var_mean(maps.to(self.running_mean.dtype), (2, 3))
        self.running_mean.lerp_(mean.mean(0), self.momentum)
        self.running_var.lerp_(var.mean(0), self.momentum)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{self.channels}, affine={self.affine}, track={self.track}"
