"""Normalisation layers."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from i2ikit import ops
from i2ikit.errors import SpecError


class InstanceNorm(nn.Module):
    """Instance norm: normalises each channel of each image by its own mean and variance (Ulyanov et al. 2016).

    The output is the same in training and in evaluation mode.

    Args:
        channels: Channels of the maps.
        affine: Learn a scale and a shift per channel.
        track: Update running statistics in training, as some original codes do. They are saved and loaded, but never used for the
            output: those codes always run in training mode, and their images are wrong with these statistics. Each process and each
            micro-batch counts its own images.
        eps: Added to the variance.
        momentum: Weight of the current statistics in the update of the running ones.
        activation: Activation in the same operation: None, ``"relu"``, or ``"lrelu"`` with slope 0.2.

    Shapes:
        in:  maps [B, C, H, W] with H * W > 1; residual [B, C, H, W], added before the activation
        out: [B, C, H, W]
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        channels: int,
        *,
        affine: bool = True,
        track: bool = False,
        eps: float = 1e-5,
        momentum: float = 0.1,
        activation: Literal["relu", "lrelu"] | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.affine, self.track, self.eps, self.momentum = channels, affine, track, eps, momentum
        self.activation = activation
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        if track:
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
            self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, maps: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise maps [B, C, H, W], add the residual and activate."""
        if self.track and self.training and len(maps):
            self._update_running_statistics(maps.detach())
        return ops.adain(maps, self.weight, self.bias, self.eps, residual, self.activation)

    def _update_running_statistics(self, maps: Tensor) -> None:
        var, mean = torch.var_mean(maps.to(self.running_mean.dtype), (2, 3))
        self.running_mean.lerp_(mean.mean(0), self.momentum)
        self.running_var.lerp_(var.mean(0), self.momentum)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{self.channels}, affine={self.affine}, track={self.track}, activation={self.activation}"


class AdaIN(nn.Module):
    """Adaptive instance norm: an instance norm whose scale and shift come from a style (Huang and Belongie 2017).

    Args:
        channels: Channels of the maps.
        style: Width of the style vector. A learned affine layer computes scale - 1 and the shift from it, as in StarGAN v2. With None,
            the style itself contains the scales and shifts, as in MUNIT, where one network computes those of all layers.
        eps: Added to the variance.
        activation: Activation in the same operation: None, ``"relu"``, or ``"lrelu"`` with slope 0.2.

    Shapes:
        in:  maps [B, C, H, W]; style [B, style], or [B, 2C] if ``style`` is None: scales, then shifts; residual [B, C, H, W], added
            before the activation
        out: [B, C, H, W]

    Raises:
        SpecError: The style has another shape.
    """

    def __init__(
        self, channels: int, style: int | None = None, *, eps: float = 1e-5, activation: Literal["relu", "lrelu"] | None = None
    ) -> None:
        super().__init__()
        self.channels, self.eps, self.activation = channels, eps, activation
        self.width = 2 * channels if style is None else style
        self.affine = None if style is None else nn.Linear(style, 2 * channels)

    def forward(self, maps: Tensor, style: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise maps [B, C, H, W], scale and shift them by the style, add the residual and activate."""
        if tuple(style.shape) != (maps.shape[0], self.width):
            raise SpecError(f"AdaIN: style has shape {list(style.shape)}; for maps of shape {list(maps.shape)} it must be "
                            f"{[maps.shape[0], self.width]}.")  # fmt: skip
        scale, shift = (style if self.affine is None else self.affine(style)).chunk(2, dim=1)
        if self.affine is not None:
            scale = 1 + scale
        return ops.adain(maps, scale, shift, self.eps, residual, self.activation)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{self.channels}, width={self.width}, activation={self.activation}"


class LayerNorm(nn.Module):
    """Layer norm of MUNIT's decoder: normalises each image by the mean and the standard deviation of all its channels and pixels.

    It differs from torch's layer norm: the standard deviation is the unbiased one, eps is added to it and not to the variance, and there is
    one learned scale and shift per channel. Initial scales are uniform in [0, 1].

    Args:
        channels: Channels of the maps.
        affine: Learn a scale and a shift per channel.
        eps: Added to the standard deviation.

    Shapes:
        in, out: [B, C, H, W] with C * H * W > 1
    """

    def __init__(self, channels: int, *, affine: bool = True, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.affine, self.eps = channels, affine, eps
        self.gamma = nn.Parameter(torch.rand(channels)) if affine else None
        self.beta = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps [B, C, H, W]."""
        wide = torch.promote_types(maps.dtype, torch.float32)
        centred = maps - maps.mean((1, 2, 3), keepdim=True, dtype=wide)
        # If all pixels are equal, the gradient of vector_norm is zero, but that of the variance's square root is infinite.
        # vector_norm over all axes at once adds millions of squares in sequence and loses four of the seven digits of float32. Axis by
        # axis, innermost first, it keeps six digits in about the same time (this line takes at most 1.6 times as long in channels-last).
        length = centred
        for axis in (3, 2, 1) if centred.is_contiguous() else (1, 3, 2):
            length = torch.linalg.vector_norm(length, dim=axis, keepdim=True)
        factor = 1 / (length / (maps.shape[1] * maps.shape[2] * maps.shape[3] - 1) ** 0.5 + self.eps)
        y: Tensor = centred * factor
        if self.gamma is not None and self.beta is not None:
            y = torch.addcmul(self.beta.to(wide)[:, None, None], centred, factor * self.gamma.to(wide)[:, None, None])
        return y.to(maps.dtype)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        return f"{self.channels}, affine={self.affine}"
