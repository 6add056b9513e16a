"""Upsampling by nearest neighbours and a 5x5 convolution, with about a third of the arithmetic.

A 5x5 window on the upsampled maps covers 25 pixels, of which only 9 differ. Each input pixel becomes four output pixels. Each of these four
is computed by its own 3x3 convolution, whose weights are sums of the 5x5 weights. The upsampled maps are never stored.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.nn.padded_conv import Activation, Norm, Pad, PaddedConv
from i2ikit.ops.winograd import conv3x3


class UpsampleConv(PaddedConv):
    """Upsampling by 2 with nearest neighbours, then padding, a 5x5 convolution, norm and activation.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        pad: Padding of the upsampled maps: "reflect" or "zero".
        norm: "none" or "layer".
        activation: "relu", "lrelu", "tanh" or None.

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, 2H, 2W]
    """

    def __init__(self, inputs: int, outputs: int, *, pad: Pad = "reflect", norm: Norm = "layer", activation: Activation = "relu") -> None:
        super().__init__(inputs, outputs, 5, pad=pad, norm=norm, activation=activation)

    def forward(self, maps: Tensor, style: Tensor | None = None, residual: Tensor | None = None) -> Tensor:
        """Upsample, convolve, normalise and activate maps."""
        self.check_size(2 * maps.shape[-2], 2 * maps.shape[-1])
        maps = upsample_conv(maps, self.conv.weight, cast(Tensor, self.conv.bias), reflect=self.pad == "reflect")
        return self.activate(maps if self.norm is None else self.norm(maps))


def upsample_conv(maps: Tensor, weight: Tensor, bias: Tensor, *, reflect: bool) -> Tensor:
    """Upsample maps by 2 with nearest neighbours and apply a 5x5 convolution.

    Args:
        maps: [B, C, H, W], at least 2 x 2 pixels.
        weight: [O, C, 5, 5].
        bias: [O].
        reflect: Whether the upsampled maps are padded by reflection; otherwise by zeros.

    Returns:
        [B, O, 2H, 2W].
    """
    # [O, C, 5, 5] -> [O, 2, C, 3, 5] -> [O, 2, 2, C, 3, 3]: a 3x3 kernel for each of the four output pixels (upper/lower, left/right)
    small = _sum_weights(_sum_weights(weight, 2, 1), 4, 2).flatten(0, 2)
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate" if reflect else "constant")
    output = F.pixel_shuffle(conv3x3(padded, small, bias.repeat_interleave(4)), 2)
    if not reflect:
        return output
    # The replicated padding differs from a reflection of the upsampled maps only in the second pixel beyond each edge. Only the outermost
    # rows and columns of the output depend on it, so a correction is added there.
    corrections = _compute_edge_corrections(maps, weight)
    if torch.is_grad_enabled() and output.requires_grad and not torch.compiler.is_compiling():
        return cast(Tensor, _AddToEdges.apply(output, *(line.to(output.dtype) for line in corrections)))
    return _add_to_edges(output, corrections)


def _sum_weights(weight: Tensor, dim: int, new_dim: int) -> Tensor:
    """Reduce 5 weights on axis ``dim`` to 3 for each of two output pixels, on a new axis: weights of the same input pixel are summed."""
    a, b, c, d, e = weight.unbind(dim)
    return torch.stack([torch.stack([a + b, c + d, e], dim), torch.stack([a, b + c, d + e], dim)], new_dim)


def _compute_edge_corrections(maps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the corrections of the top and the bottom row [B, O, 2W], and of the left and the right column [B, O, 2H]."""

    def row(inner: Tensor, edge: Tensor) -> Tensor:
        """Return the error of the padding in the second row beyond an edge, corners included [B, C, 2W + 4]."""
        wide = F.pad(inner.repeat_interleave(2, -1), (2, 2), mode="reflect")
        return wide - F.pad(edge, (1, 1), mode="replicate").repeat_interleave(2, -1)

    def column(inner: Tensor, edge: Tensor) -> Tensor:
        """Return the same for a column, without the corners that the rows already include [B, C, 2H + 4]."""
        return F.pad(F.pad((inner - edge).repeat_interleave(2, -1), (1, 1), mode="replicate"), (1, 1))

    return (
        F.conv1d(row(maps[:, :, 1], maps[:, :, 0]), weight[:, :, 0]),
        F.conv1d(row(maps[:, :, -2], maps[:, :, -1]), weight[:, :, 4]),
        F.conv1d(column(maps[..., 1], maps[..., 0]), weight[..., 0]),
        F.conv1d(column(maps[..., -2], maps[..., -1]), weight[..., 4]),
    )


def _add_to_edges(maps: Tensor, lines: tuple[Tensor, ...]) -> Tensor:
    """Add lines to the top row, the bottom row, the left and the right column, in place."""
    maps[:, :, 0] += lines[0]
    maps[:, :, -1] += lines[1]
    maps[..., 0] += lines[2]
    maps[..., -1] += lines[3]
    return maps


class _AddToEdges(torch.autograd.Function):
    """The same with gradients. Autograd's own slice assignment would copy the whole gradient once per line."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *lines: Tensor) -> Tensor:
        ctx.mark_dirty(maps)
        return _add_to_edges(maps, lines)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004 - autograd calls it so
        (gradient,) = gradients
        return gradient, gradient[:, :, 0], gradient[:, :, -1], gradient[..., 0], gradient[..., -1]
