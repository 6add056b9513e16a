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
    """One operator at one setting, with its baselines.

    Attributes:
        name: What is computed.
        run: The operator.
        baselines: The same computation in other ways, the definition (``reference``) first; all of them take the same inputs.
        make_inputs: Returns the inputs for maps x, x first.
    """

    name: str
    run: Function
    baselines: dict[str, Function]
    make_inputs: Callable[[Tensor], list[Tensor]]


def list_subjects(device: torch.device) -> list[Subject]:
    """Return everything that is measured."""
    fir = ops.fir_filter([1, 3, 3, 1]).to(device)
    return [
        _make_resampling("up2", fir, 2, 1, (2, 1, 2, 1), 4.0),
        _make_resampling("down2", fir, 1, 2, (1, 1, 1, 1), 1.0),
        _make_resampling("blur", fir, 1, 1, (2, 1, 2, 1), 1.0),
        Subject(
            "adain",
            ops.adain,
            {"reference": _adain_reference, "batch norm": _batch_norm, "instance norm": _instance_norm},
            _make_style_inputs,
        ),
        Subject(
            "adain + residual + relu", _adain_relu, {"reference": _adain_relu_reference, "eager": _adain_relu_eager}, _make_residual_inputs
        ),
        Subject(
            "bias_act",
            ops.bias_act,
            {"reference": _bias_act_reference, "eager": _bias_act_eager},
            lambda x: [x, _make_random(x, x.shape[1])],
        ),
        Subject(
            "noise + bias + lrelu",
            _noise_act,
            {"reference": _noise_act_reference, "2 kernels": _noise_act_separate},
            _make_noise_inputs,
        ),
        Subject(
            "blur + noise + bias + lrelu",
            partial(_blur_act, fir),
            {"reference": partial(_blur_act_reference, fir), "3 kernels": partial(_blur_act_separate, fir)},
            _make_noise_inputs,
        ),
        Subject("modulated_conv", ops.modulated_conv, {"reference": _modulated_conv_reference}, _make_weight_inputs),
    ]


def _make_resampling(name: str, fir: Tensor, up: int, down: int, padding: tuple[int, int, int, int], gain: float) -> Subject:
    def run(x: Tensor) -> Tensor:
        return ops.upfirdn(x, fir, up, down, padding, gain=gain)

    def reference(x: Tensor) -> Tensor:
        return upfirdn_reference.upfirdn(x, fir, (up, up), (down, down), padding, False, gain)

    return Subject(name, run, {"reference": reference}, lambda x: [x])


def _make_random(x: Tensor, *shape: int, mean: float = 0.0) -> Tensor:
    return torch.randn(shape, device=x.device).to(x.dtype) + mean


def _make_style_inputs(x: Tensor) -> list[Tensor]:
    return [x, _make_random(x, *x.shape[:2], mean=1.0), _make_random(x, *x.shape[:2])]


def _make_residual_inputs(x: Tensor) -> list[Tensor]:
    return [*_make_style_inputs(x), torch.randn_like(x)]


def _make_noise_inputs(x: Tensor) -> list[Tensor]:
    return [x, _make_random(x, x.shape[0], 1, *x.shape[2:]), _make_random(x, x.shape[1])]


def _make_weight_inputs(x: Tensor) -> list[Tensor]:
    channels = x.shape[1]
    return [x, _make_random(x, channels, channels, 3, 3) / (9 * channels) ** 0.5, _make_random(x, x.shape[0], channels, mean=1.0)]


def _adain_reference(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
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


def _bias_act_reference(x: Tensor, bias: Tensor) -> Tensor:
    return bias_act_reference.bias_act(x, bias, None, "lrelu", 0.2, 2.0**0.5, None, 1)


def _bias_act_eager(x: Tensor, bias: Tensor) -> Tensor:
    y: Tensor = F.leaky_relu(x + bias[:, None, None], 0.2) * 2.0**0.5
    return y


def _modulated_conv_reference(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
    none = (None, None, None)
    return modulated_conv_reference.modulated_conv(x, weight, style, True, 1, 1, *none, "linear", (1, 1, 1, 1), True, *none)


def _noise_act(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.bias_act(x, bias, noise=noise)


def _noise_act_reference(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return bias_act_reference.bias_act(x, bias, noise, "lrelu", 0.2, 2.0**0.5, None, 1)


def _noise_act_separate(x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.bias_act(x + noise, bias)


def _blur_act(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    return ops.upfirdn_act(x, fir, padding=(2, 1, 2, 1), noise=noise, bias=bias)


def _blur_act_reference(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    maps = upfirdn_reference.upfirdn(x, fir, (1, 1), (1, 1), (2, 1, 2, 1), False, 1.0)
    return bias_act_reference.bias_act(maps, bias, noise, "lrelu", 0.2, 2.0**0.5, None, 1)


def _blur_act_separate(fir: Tensor, x: Tensor, noise: Tensor, bias: Tensor) -> Tensor:
    """Run one kernel each for the blur, for the noise, and for bias and activation."""
    return ops.bias_act(ops.upfirdn(x, fir, padding=(2, 1, 2, 1)) + noise, bias)
