"""What each operator is measured against: its definition, and what one would write in plain torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import ops
from i2ikit.ops.adain import reference as adain_reference
from i2ikit.ops.bias_act import reference as bias_act_reference
from i2ikit.ops.modulated_conv import reference as modulated_conv_reference
from i2ikit.ops.upfirdn import reference as upfirdn_reference

Function = Callable[..., Tensor]


class Subject(NamedTuple):
    """One operator at one setting.

    Attributes:
        name: What is computed.
        run: The operator.
        rivals: The same in other ways, the definition first; all take what ``make`` gives.
        make: Given x, the tensors that go in, x first.
    """

    name: str
    run: Function
    rivals: dict[str, Function]
    make: Callable[[Tensor], list[Tensor]]


def subjects(device: torch.device) -> list[Subject]:
    """Give everything that is measured."""
    fir = ops.fir_filter([1, 3, 3, 1]).to(device)
    return [
        _resampled("up2", fir, 2, 1, (2, 1, 2, 1), 4.0),
        _resampled("down2", fir, 1, 2, (1, 1, 1, 1), 1.0),
        _resampled("blur", fir, 1, 1, (2, 1, 2, 1), 1.0),
        Subject("adain", ops.adain, {"reference": _adain, "batch norm": _batch_norm, "instance norm": _instance_norm}, _with_style),
        Subject("adain + residual + relu", _adain_relu, {"reference": _adain_relu_reference, "eager": _adain_relu_eager}, _with_residual),
        Subject("bias_act", ops.bias_act, {"reference": _bias_act, "eager": _bias_act_eager}, lambda x: [x, _like(x, x.shape[1])]),
        Subject("noise + bias + lrelu", _noise_act, {"reference": _noise_act_reference, "2 kernels": _noise_act_separate}, _with_noise),
        Subject(
            "blur + noise + bias + lrelu",
            partial(_ended, fir),
            {"reference": partial(_ended_reference, fir), "3 kernels": partial(_separate, fir)},
            _with_noise,
        ),
        Subject("modulated_conv", ops.modulated_conv, {"reference": _modulated}, _with_weight),
    ]


def _resampled(name: str, fir: Tensor, up: int, down: int, padding: tuple[int, int, int, int], gain: float) -> Subject:
    def run(x: Tensor) -> Tensor:
        return ops.upfirdn(x, fir, up, down, padding, gain=gain)

    def reference(x: Tensor) -> Tensor:
        return upfirdn_reference.upfirdn(x, fir, (up, up), (down, down), padding, False, gain)

    return Subject(name, run, {"reference": reference}, lambda x: [x])


def _like(x: Tensor, *shape: int, about: float = 0.0) -> Tensor:
    return torch.randn(shape, device=x.device).to(x.dtype) + about


def _with_style(x: Tensor) -> list[Tensor]:
    return [x, _like(x, *x.shape[:2], about=1.0), _like(x, *x.shape[:2])]


def _with_residual(x: Tensor) -> list[Tensor]:
    return [*_with_style(x), torch.randn_like(x)]


def _with_noise(x: Tensor) -> list[Tensor]:
    return [x, _like(x, x.shape[0], 1, *x.shape[2:]), _like(x, x.shape[1])]


def _with_weight(x: Tensor) -> list[Tensor]:
    channels = x.shape[1]
    return [x, _like(x, channels, channels, 3, 3) / (9 * channels) ** 0.5, _like(x, x.shape[0], channels, about=1.0)]


def _adain(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return adain_reference.adain(x, scale, shift, None, 1e-5, None)[0]


def _batch_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Fold images into channels, as MUNIT's code does."""
    folded = x.reshape(1, -1, *x.shape[2:])
    return F.batch_norm(folded, None, None, scale.reshape(-1), shift.reshape(-1), training=True).view(x.shape)


def _instance_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift[..., None, None], F.instance_norm(x), scale[..., None, None])


def _adain_relu(x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor) -> Tensor:
    return ops.adain(x, scale, shift, residual=residual, activation="relu")


def _adain_relu_reference(x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor) -> Tensor:
    return adain_reference.adain(x, scale, shift, residual, 1e-5, "relu")[0]


def _adain_relu_eager(x: Tensor, scale: Tensor, shift: Tensor, residual: Tensor) -> Tensor:
    return F.relu(_batch_norm(x, scale, shift) + residual)


def _bias_act(x: Tensor, bias: Tensor) -> Tensor:
    return bias_act_reference.bias_act(x, bias, None, "lrelu", 0.2, 2.0**0.5, None, 1)


def _bias_act_eager(x: Tensor, bias: Tensor) -> Tensor:
    y: Tensor = F.leaky_relu(x + bias[:, None, None], 0.2) * 2.0**0.5
    return y


def _modulated(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    none = (None, None, None)
    return modulated_conv_reference.modulated_conv(x, weight, style, True, 1, 1, *none, "linear", (1, 1, 1, 1), True, *none)


def _noise_act(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.bias_act(x, bias, noise=noise)


def _noise_act_reference(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return bias_act_reference.bias_act(x, bias, noise, "lrelu", 0.2, 2.0**0.5, None, 1)


def _noise_act_separate(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.bias_act(x + noise, bias)


def _ended(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.upfirdn_act(x, fir, padding=(2, 1, 2, 1), noise=noise, bias=bias)


def _ended_reference(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    maps = upfirdn_reference.upfirdn(x, fir, (1, 1), (1, 1), (2, 1, 2, 1), False, 1.0)
    return bias_act_reference.bias_act(maps, bias, noise, "lrelu", 0.2, 2.0**0.5, None, 1)


def _separate(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    """Run a kernel each for the blur, for the noise, and for bias and activation."""
    return ops.bias_act(ops.upfirdn(x, fir, padding=(2, 1, 2, 1)) + noise, bias)
