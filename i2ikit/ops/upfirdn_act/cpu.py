"""The fast route of upfirdn_act on a CPU: one convolution, then everything in place."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from i2ikit.ops.bias_act import cpu as bias_act_cpu
from i2ikit.ops.layout import memory_format
from i2ikit.ops.upfirdn import cpu as upfirdn_cpu
from i2ikit.ops.upfirdn_act.reference import over_pixels


def upfirdn_act(
    x: Tensor, fir: Tensor, scale: Tensor | None, bias: Tensor | None, noise: Tensor | None, style: Tensor | None, skip: Tensor | None,
    up: Sequence[int], down: Sequence[int], padding: Sequence[int], flip: bool, gain: float,
    activation: str, alpha: float, act_gain: float, clamp: float | None,
) -> Tensor:  # fmt: skip
    """Return clamp(act_gain * act(upfirdn(x) * scale + noise + bias)) * style + skip."""
    order = memory_format(x)
    identity = fir.numel() == 1 and tuple(up) == tuple(down) == (1, 1) and not any(padding)
    if identity:
        gain = gain * fir.item()
        z = x * over_pixels(scale, x) if scale is not None else x.clone(memory_format=order)
    else:
        z = upfirdn_cpu.upfirdn(x, fir, up, down, padding, flip, gain).contiguous(memory_format=order)
        if scale is not None:
            z.mul_(over_pixels(scale, z))
    if identity and gain != 1:
        z.mul_(gain)
    if noise is not None:
        z.add_(noise.to(z.dtype))
    if bias is not None:
        z.add_(bias.to(z.dtype)[None, :, None, None])
    if activation == "lrelu":
        F.leaky_relu_(z, alpha)
    elif activation == "relu":
        z.relu_()
    elif activation != "linear":
        z = bias_act_cpu.bias_act(z, None, None, activation, alpha, 1.0, None, 1)
    if act_gain != 1:
        z.mul_(act_gain)
    if clamp is not None:
        z.clamp_(-clamp, clamp)
    if style is not None:
        z.mul_(over_pixels(style, z))
    return z if skip is None else z.add_(skip)
