"""Twice the size by nearest neighbours and a 5x5 convolution, in about a third of the arithmetic.

Of the 25 pixels that such a convolution sees of the enlarged maps only 9 differ. Each of the four places that a pixel becomes has a 3x3
convolution of its own, whose weights are sums of the 5x5 ones, and the enlarged maps are never made.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.nn.padded_conv import Activation, Norm, Pad, PaddedConv
from i2ikit.ops.winograd import conv3x3


class UpsampleConv(PaddedConv):
    """Double the size by nearest neighbours, then pad, convolve by 5x5, normalise and activate.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        pad: What surrounds the enlarged maps: "reflect", or "zero".
        norm: "none" or "layer".
        activation: "relu", "lrelu", "tanh" or None.

    Shapes:
        in:  [B, inputs, H, W]
        out: [B, outputs, 2H, 2W]
    """

    def __init__(self, inputs: int, outputs: int, *, pad: Pad = "reflect", norm: Norm = "layer", activation: Activation = "relu") -> None:
        super().__init__(inputs, outputs, 5, pad=pad, norm=norm, activation=activation)

    def forward(self, maps: Tensor, style: Tensor | None = None, residual: Tensor | None = None) -> Tensor:
        """Enlarge, convolve, normalise and activate maps."""
        self.fits(2 * maps.shape[-2], 2 * maps.shape[-1])
        maps = upsample_conv(maps, self.conv.weight, cast(Tensor, self.conv.bias), reflect=self.pad == "reflect")
        return self.activated(maps if self.norm is None else self.norm(maps))


def upsample_conv(maps: Tensor, weight: Tensor, bias: Tensor, *, reflect: bool) -> Tensor:
    """Return what a 5x5 convolution gives of maps of twice the size by nearest neighbours.

    Args:
        maps: [B, C, H, W] of 2 x 2 pixels or more.
        weight: [O, C, 5, 5].
        bias: [O].
        reflect: Whether the enlarged maps are reflected at their edges; they are surrounded by zeros otherwise.

    Returns:
        [B, O, 2H, 2W].
    """
    # [O, C, 5, 5] -> [O, 2, C, 3, 5] -> [O, 2, 2, C, 3, 3]: rows, then columns, of the upper and lower, left and right of the four places
    small = _summed(_summed(weight, 2, 1), 4, 2).flatten(0, 2)
    around = F.pad(maps, (1, 1, 1, 1), mode="replicate" if reflect else "constant")
    made = F.pixel_shuffle(conv3x3(around, small, bias.repeat_interleave(4)), 2)
    if not reflect:
        return made
    # Beyond an edge, two equal pixels follow in place of a reflection. Only the farther of the two is wrong, and only the outermost line
    # of the result sees it.
    lines = _lines(maps, weight)
    if torch.is_grad_enabled() and made.requires_grad and not torch.compiler.is_compiling():
        return cast(Tensor, _WithLines.apply(made, *(line.to(made.dtype) for line in lines)))
    return _add(made, lines)


def _summed(weight: Tensor, dim: int, to: int) -> Tensor:
    """Return the weights of both places along an axis, on a new axis ``to``: which of the five meet the same pixel is summed."""
    a, b, c, d, e = weight.unbind(dim)
    return torch.stack([torch.stack([a + b, c + d, e], dim), torch.stack([a, b + c, d + e], dim)], to)


def _lines(maps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what has to be added at the top, the bottom [B, O, 2W], the left and the right [B, O, 2H]."""

    def row(inner: Tensor, edge: Tensor) -> Tensor:
        """How the line that is two pixels beyond an edge differs, with its own ends [B, C, 2W + 4]."""
        wide = F.pad(inner.repeat_interleave(2, -1), (2, 2), mode="reflect")
        return wide - F.pad(edge, (1, 1), mode="replicate").repeat_interleave(2, -1)

    def column(inner: Tensor, edge: Tensor) -> Tensor:
        """As above, without what the rows have already seen [B, C, 2H + 4]."""
        return F.pad(F.pad((inner - edge).repeat_interleave(2, -1), (1, 1), mode="replicate"), (1, 1))

    return (
        F.conv1d(row(maps[:, :, 1], maps[:, :, 0]), weight[:, :, 0]),
        F.conv1d(row(maps[:, :, -2], maps[:, :, -1]), weight[:, :, 4]),
        F.conv1d(column(maps[..., 1], maps[..., 0]), weight[..., 0]),
        F.conv1d(column(maps[..., -2], maps[..., -1]), weight[..., 4]),
    )


def _add(maps: Tensor, lines: tuple[Tensor, ...]) -> Tensor:
    maps[:, :, 0] += lines[0]
    maps[:, :, -1] += lines[1]
    maps[..., 0] += lines[2]
    maps[..., -1] += lines[3]
    return maps


class _WithLines(torch.autograd.Function):
    """Add lines at the edges in place. Autograd's own assignment to a slice would copy the whole gradient once for each of them."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, *lines: Tensor) -> Tensor:
        ctx.mark_dirty(maps)
        return _add(maps, lines)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004 - autograd calls it so
        (gradient,) = gradients
        return gradient, gradient[:, :, 0], gradient[:, :, -1], gradient[..., 0], gradient[..., -1]
