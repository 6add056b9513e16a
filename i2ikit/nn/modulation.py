"""The layers of StyleGAN2 that a style drives, with its equalised learning rate (Karras et al. 2018, section 4.1; 2020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit import ops


class EqualLinear(nn.Module):
    """A linear layer whose weights are stored at unit variance and scaled in use, so that all layers learn at one lr_multiplier.

    Args:
        inputs: Width of what comes in.
        outputs: Width of what goes out.
        bias: What the learnt bias begins at; None for no bias.
        activation: See ``i2ikit.ops.bias_act``; None is linear.
        lr_multiplier: Multiplies the learning rate of this layer: what is stored is larger by 1 / lr_multiplier and multiplied by it in use. StyleGAN2's
            mapping network has 0.01.

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
        """Multiply, add and activate."""
        bias = None if self.bias is None else self.bias * self.lr_multiplier
        if self.activation is None:
            return F.linear(vectors, self.weight * self.scale, bias)
        return ops.bias_act(F.linear(vectors, self.weight * self.scale), bias, self.activation, dim=-1)

    def extra_repr(self) -> str:
        """Show the options in a printed model."""
        outputs, inputs = self.weight.shape
        return f"{inputs}, {outputs}, activation={self.activation}, lr_multiplier={self.lr_multiplier}"


class ModulatedConv(nn.Module):
    """A convolution whose weights a style scales for each image, with all that follows it in a layer of StyleGAN2, in one step.

    As it stands, the convolution alone. With ``noise``, ``bias`` and ``activation="lrelu"`` a whole layer of the synthesis; with a kernel
    of 1, ``demodulate=False`` and ``bias`` the layer that draws colours.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel, odd; the size is kept but for ``up`` and ``down``.
        style: Width of the style vector, from which a learnt affine layer draws the scale of each channel, about 1 at first. Where None,
            the style is those scales themselves.
        demodulate: Bring the scaled weights of each output channel back to unit length.
        up: Factor of upsampling before the convolution.
        down: Factor of downsampling after it.
        taps: Filter of both; see ``i2ikit.ops.fir_filter``.
        noise: Learn the strength of a noise that is added to every channel, 0 at first.
        bias: Learn a bias for each output channel, 0 at first.
        activation: See ``i2ikit.ops.bias_act``; None is linear.
        gain: Multiplies what was activated; by itself what the activation has.
        clamp: Limits the result to -clamp .. clamp; None does not.
        equalized: Store weights at unit variance and scale them in use, so that all layers learn at one lr_multiplier.

    Shapes:
        in:  maps [B, inputs, H, W]; style [B, style], or [B, inputs]; noise [B, 1, H', W'] or [1, 1, H', W'], which is added as
            it is where no strength is learnt
        out: [B, outputs, H', W'] with H' = H * up / down, W' likewise
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
        # Made anew from the options, and so no part of what is saved.
        self.register_buffer("fir", ops.fir_filter(taps), persistent=False)

    def forward(self, maps: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Convolve maps by weights scaled by a style, add noise, and end as the layer ends."""
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
