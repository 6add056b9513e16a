"""StyleGAN2's linear layer and modulated convolution, with equalised learning rate (Karras et al. 2018, section 4.1; 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import ops


class EqualLinear(nn.Module):
    """Linear layer with equalised learning rate: weights are stored with unit variance and scaled in every forward pass.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        bias: Initial value of the learned bias; None for no bias.
        activation: See ``i2ikit.ops.bias_act``; None is linear.
        lr_multiplier: Factor of this layer's learning rate: weights are stored divided by it, and multiplied by it in the forward pass.
            StyleGAN2's mapping network uses 0.01.

    Shapes:
        in:  [..., inputs]
        out: [..., outputs]
    """

    def __init__(
        self, inputs: int, outputs: int, *, bias: float | None = 0.0, activation: str | None = None, lr_multiplier: float = 1.0
    ) -> None:
        super().__init__()
        self.activation, self.lr_multiplier, self.scale = activation, lr_multiplier, lr_multiplier / inputs**0.5
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias / lr_multiplier))

    def forward(self, vectors: Tensor) -> Tensor:
        """Multiply by the weights, add the bias and activate."""
        bias = None if self.bias is None else self.bias * self.lr_multiplier
        if self.activation is None:
            return F.linear(vectors, self.weight * self.scale, bias)
        return ops.bias_act(F.linear(vectors, self.weight * self.scale), bias, self.activation, dim=-1)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}, activation={self.activation}, lr_multiplier={self.lr_multiplier}"


class ModulatedConv(nn.Module):
    """StyleGAN2's modulated convolution: the style scales the weights for each image. Noise, bias and activation run in the same operation.

    By default it is the convolution alone. With ``noise``, ``bias`` and ``activation="lrelu"`` it is a complete layer of the synthesis
    network. With kernel 1, ``demodulate=False`` and ``bias`` it is the "toRGB" layer.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Kernel size, odd. Only ``up`` and ``down`` change the size of the maps.
        style: Width of the style vector. A learned affine layer computes the scale of each channel from it, initially about 1. With
            None, the style itself contains the scales.
        demodulate: Normalise the scaled weights of each output channel to unit length.
        up: Factor of upsampling before the convolution.
        down: Factor of downsampling after the convolution.
        taps: Filter of both; see ``i2ikit.ops.fir_filter``.
        noise: Learn the strength of the noise that is added to every channel, initially 0.
        bias: Learn a bias per output channel, initially 0.
        activation: See ``i2ikit.ops.bias_act``; None is linear.
        gain: Factor of the activated values; None is the activation's own gain.
        clamp: Limits the output to [-clamp, clamp]; None sets no limit.
        equalized: Store weights with unit variance and scale them in every forward pass (equalised learning rate).

    Shapes:
        in:  maps [B, inputs, H, W]; style [B, style], or [B, inputs] if ``style`` is None; noise [B, 1, H', W'] or [1, 1, H', W'],
            multiplied by the learned strength if there is one
        out: [B, outputs, H', W'] with H' = H * up / down and W' = W * up / down
    """

    fir: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        style: int | None = None,
        *,
        demodulate: bool = True,
        up: int = 1,
        down: int = 1,
        taps: Sequence[float] | Sequence[Sequence[float]] | Tensor = (1.0, 3.0, 3.0, 1.0),
        noise: bool = False,
        bias: bool = False,
        activation: str | None = None,
        gain: float | None = None,
        clamp: float | None = None,
        equalized: bool = True,
    ) -> None:
        super().__init__()
        self.demodulate, self.up, self.down = demodulate, up, down
        self.activation, self.gain, self.clamp = activation, gain, clamp
        spread = (inputs * kernel**2) ** -0.5
        self.scale = spread if equalized else 1.0
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * (1.0 if equalized else spread))
        self.affine = None if style is None else EqualLinear(style, inputs, bias=1.0)
        self.strength = nn.Parameter(torch.zeros(())) if noise else None
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        # Not saved: it is computed from the options.
        self.register_buffer("fir", ops.fir_filter(taps), persistent=False)

    def forward(self, maps: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Convolve maps with weights scaled by the style, add noise and bias, and activate."""
        scales = style if self.affine is None else cast(Tensor, self.affine(style))
        if noise is not None and self.strength is not None:
            noise = noise * self.strength
        return ops.modulated_conv(
            maps, self.weight * self.scale, scales, self.demodulate, self.up, self.down, self.fir, noise, self.bias, self.activation,
            gain=self.gain, clamp=self.clamp,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        outputs, inputs, kernel, _ = self.weight.shape
        return f"{inputs}, {outputs}, kernel={kernel}, demodulate={self.demodulate}, up={self.up}, down={self.down}"
