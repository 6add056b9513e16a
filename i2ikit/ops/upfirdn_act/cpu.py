"""The fast CPU implementation of upfirdn_act: one convolution, followed by in-place operations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.ops.bias_act import cpu as bias_act_cpu
from i2ikit.ops.memory_format import get_memory_format
from i2ikit.ops.upfirdn import cpu as upfirdn_cpu
from i2ikit.ops.upfirdn_act.reference import broadcast_over_pixels


def upfirdn_act(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip."""
    memory_format = get_memory_format(x)
    if fir.numel() == 1 and tuple(up) == tuple(down) == (1, 1) and not any(padding):
        factor = gain * fir.item()
        z = x if factor == 1 else x * factor
        if scale is not None:
            z = x * broadcast_over_pixels(scale.to(torch.promote_types(x.dtype, torch.float32)) * factor, x)
    else:
        z = upfirdn_cpu.upfirdn(x, fir, up, down, padding, flip, gain).contiguous(memory_format=memory_format)
        if scale is not None:
            z.mul_(broadcast_over_pixels(scale, z))
    y = bias_act_cpu.bias_act(z, bias, noise, activation, alpha, act_gain, clamp, 1, out=None if z is x else z)
    if style is not None:
        y.mul_(broadcast_over_pixels(style, y))
    return y if skip is None else y.add_(skip)
