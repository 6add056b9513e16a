"""The definition of upfirdn_act: its parts one after the other. Each of them has gradients of any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from i2ikit.ops.bias_act.register import bias_act
from i2ikit.ops.upfirdn.register import upfirdn


def upfirdn_act(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip."""
    z = cast(Tensor, upfirdn(x, fir, up, down, padding, flip, gain))
    if scale is not None:
        z = z * broadcast_over_pixels(scale, z)
    y = cast(Tensor, bias_act(z, bias, noise, activation, alpha, act_gain, clamp, 1))
    if style is not None:
        y = y * broadcast_over_pixels(style, y)
    return y if skip is None else y + skip


def broadcast_over_pixels(vector: Tensor, x: Tensor) -> Tensor:
    """Return values [B, C] reshaped so that they broadcast over maps, in the dtype of the maps."""
    return vector.to(x.dtype)[:, :, None, None]
