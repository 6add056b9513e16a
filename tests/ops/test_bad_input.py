"""Whatever goes into an operator that does not fit, one line names the operator, the argument, what was found, and what it has to be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import ops
from i2ikit.errors import KindError, OptionError, SpecError

X, STYLE, WEIGHT, FIR = torch.zeros(2, 3, 8, 8), torch.ones(2, 3), torch.ones(4, 3, 3, 3), ops.fir_filter([1, 3, 3, 1])
SMALL, LONG, WHOLE = X[:, :, :2, :2], torch.ones(12), torch.ones(3, dtype=torch.int64)
Run = Callable[[], Tensor]


def elsewhere(*shape: int) -> Tensor:
    return torch.zeros(shape, device="meta")


def adain(x: Any = X, scale: Any = None, shift: Any = None, **options: Any) -> Run:
    return lambda: ops.adain(x, scale, shift, **options)


def upfirdn(x: Any = X, fir: Any = FIR, **options: Any) -> Run:
    return lambda: ops.upfirdn(x, fir, **options)


def bias_act(x: Any = X, bias: Any = None, **options: Any) -> Run:
    return lambda: ops.bias_act(x, bias, **options)


def upfirdn_act(x: Any = X, fir: Any = FIR, **options: Any) -> Run:
    return lambda: ops.upfirdn_act(x, fir, **options)


def modulated_conv(x: Any = X, weight: Any = WEIGHT, style: Any = STYLE, **options: Any) -> Run:
    return lambda: ops.modulated_conv(x, weight, style, **options)


def resample_conv(x: Any = X, weight: Any = WEIGHT, **options: Any) -> Run:
    return lambda: ops.resample_conv(x, weight, **options)


def filtered_lrelu(x: Any = X, **options: Any) -> Run:
    return lambda: ops.filtered_lrelu(x, **options)


RANK: list[tuple[Run, str]] = [
    (adain(X[0]), "adain: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
    (adain(X, STYLE[None]), "adain: scale has shape [1, 2, 3]; for x of shape [2, 3, 8, 8] it has to be [2, 3] or [3]."),
    (upfirdn(X[0]), "upfirdn: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
    (upfirdn(X, X), "upfirdn: fir has shape [2, 3, 8, 8]; it has to be [k] or [kh, kw], with one tap at least."),
    (upfirdn_act(X[0]), "upfirdn_act: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
    (bias_act(X, STYLE), "bias_act: bias has shape [2, 3]; for x of shape [2, 3, 8, 8] it has to be [3]."),
    (modulated_conv(X[0]), "modulated_conv: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
    (modulated_conv(X, WEIGHT[0]), "modulated_conv: weight has shape [3, 3, 3]; it has to have 4 axes."),
    (modulated_conv(X, WEIGHT, STYLE[0]), "modulated_conv: style has shape [3]; for x of shape [2, 3, 8, 8] it has to be [2, 3]."),
    (modulated_conv(up=2, fir=torch.ones(())), "modulated_conv: fir has shape []; it has to be [k] or [kh, kw], with one tap at least."),
    (resample_conv(X[0]), "resample_conv: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
    (resample_conv(fir=X, up=2), "resample_conv: fir has shape [2, 3, 8, 8]; it has to be [k] or [kh, kw], with one tap at least."),
    (filtered_lrelu(X[0]), "filtered_lrelu: x has shape [3, 8, 8]; it has to have 4 axes [B, C, H, W]."),
]
CHANNELS: list[tuple[Run, str]] = [
    (adain(X, None, torch.ones(2, 4)), "adain: shift has shape [2, 4]; for x of shape [2, 3, 8, 8] it has to be [2, 3] or [3]."),
    (bias_act(X, torch.ones(4)), "bias_act: bias has shape [4]; for x of shape [2, 3, 8, 8] it has to be [3]."),
    (upfirdn_act(bias=torch.ones(4)), "upfirdn_act: bias has shape [4]; for x of shape [2, 3, 8, 8] it has to be [3]."),
    (
        modulated_conv(X, torch.ones(4, 5, 3, 3)),
        "modulated_conv: weight has shape [4, 5, 3, 3]; for x of shape [2, 3, 8, 8] it has to be [4, 3, 3, 3].",
    ),
    (modulated_conv(bias=torch.ones(3)), "modulated_conv: bias has shape [3]; for x of shape [2, 3, 8, 8] it has to be [4]."),
    (
        modulated_conv(noise=X),
        "modulated_conv: noise has shape [2, 3, 8, 8]; for x of shape [2, 3, 8, 8] it has to be [2, 1, 8, 8] or [1, 1, 8, 8].",
    ),
    (resample_conv(X, torch.ones(4, 5, 3, 3)), "resample_conv: weight has shape [4, 5, 3, 3] and 1 groups; x has 3 channels."),
    (
        resample_conv(X[:, :2], torch.ones(3, 1, 3, 3), groups=2),
        "resample_conv: weight has shape [3, 1, 3, 3] and 2 groups; the groups have to divide its first axis.",
    ),
    (filtered_lrelu(bias=torch.ones(4)), "filtered_lrelu: bias has shape [4]; for x of shape [2, 3, 8, 8] it has to be [3]."),
]
INTEGERS: list[tuple[Run, str]] = [
    (adain(X.long()), "adain: x holds int64; it has to hold floating point numbers. Convert it first."),
    (upfirdn(X, WHOLE), "upfirdn: fir holds int64; it has to hold floating point numbers. Convert it first."),
    (upfirdn_act(bias=WHOLE), "upfirdn_act: bias holds int64; it has to hold floating point numbers. Convert it first."),
    (bias_act(X > 0), "bias_act: x holds bool; it has to hold floating point numbers. Convert it first."),
    (modulated_conv(X, WEIGHT.int()), "modulated_conv: weight holds int32; it has to hold floating point numbers. Convert it first."),
    (modulated_conv(fir=WHOLE, up=2), "modulated_conv: fir holds int64; it has to hold floating point numbers. Convert it first."),
    (resample_conv(X.byte()), "resample_conv: x holds uint8; it has to hold floating point numbers. Convert it first."),
    (filtered_lrelu(up_fir=WHOLE), "filtered_lrelu: up_fir holds int64; it has to hold floating point numbers. Convert it first."),
    (modulated_conv(fir=[1, 3, 3, 1], up=2), "modulated_conv: fir is a list; it has to be a tensor."),
    (modulated_conv(up="2"), "modulated_conv: up is '2'; it has to be a whole number."),
    (resample_conv(down=(2, 2)), "resample_conv: down is (2, 2); it has to be a whole number."),
    (filtered_lrelu(up=(2, 2)), "filtered_lrelu: up is (2, 2); it has to be a whole number."),
    (filtered_lrelu(slope="a"), "filtered_lrelu: slope is 'a'; it has to be a number."),
]
FACTORS: list[tuple[Run, str]] = [
    (upfirdn(up=0), "upfirdn: up is 0; it has to be a number, or two in the order [x, y], of at least 1."),
    (upfirdn_act(down=(1, 0)), "upfirdn_act: down is (1, 0); it has to be a number, or two in the order [x, y], of at least 1."),
    (modulated_conv(up=0), "modulated_conv: up is 0; it has to be at least 1."),
    (resample_conv(up=-1), "resample_conv: up is -1; it has to be at least 1."),
    (resample_conv(groups=0), "resample_conv: groups is 0; it has to be at least 1."),
    (filtered_lrelu(down=0), "filtered_lrelu: down is 0; it has to be at least 1."),
    (adain(activation=["relu"]), 'adain: activation is [\'relu\']; it has to be None, "relu" or "lrelu".'),
    (bias_act(activation=["relu"]), "bias_act: activation is \"['relu']\"."),
    (modulated_conv(activation="lrlu"), 'modulated_conv: activation is "lrlu". Did you mean "lrelu"'),
    (modulated_conv(clamp=-1), "modulated_conv: clamp is -1; it has to be finite and at least 0 or None."),
]
LARGE: list[tuple[Run, str]] = [
    (upfirdn(X, LONG), "upfirdn: fir has shape [12], which is larger than x of shape [2, 3, 8, 8] with up [x, y] = [1, 1]"),
    (
        upfirdn(padding=-3),
        "upfirdn: fir has shape [4, 4], which is larger than x of shape [2, 3, 8, 8] with up [x, y] = [1, 1] and padding",
    ),
    (upfirdn_act(X, LONG), "upfirdn_act: fir has shape [12], which is larger than x of shape [2, 3, 8, 8]"),
    (
        modulated_conv(SMALL, torch.ones(4, 3, 5, 5), padding=0),
        "modulated_conv: weight has shape [4, 3, 5, 5], which is larger than x of shape [2, 3, 2, 2] with up = 1 and padding [0, 0, 0, 0].",
    ),
    (
        modulated_conv(SMALL, down=2, fir=LONG, padding=-2),
        "modulated_conv: weight has shape [4, 3, 3, 3], which with fir of shape [12] is larger than x of shape [2, 3, 2, 2] with up = 1",
    ),
    (
        resample_conv(X, torch.ones(4, 3, 9, 9)),
        "resample_conv: weight has shape [4, 3, 9, 9], which is larger than x of shape [2, 3, 8, 8]",
    ),
    (upfirdn(X[:, :, :0], padding=4), "upfirdn: x has shape [2, 3, 0, 8]; it has to have one channel and one pixel at least."),
]
DEVICES: list[tuple[Run, str]] = [
    (adain(X, elsewhere(2, 3)), "adain: scale is on meta and x on cpu; they have to be on one device."),
    (upfirdn(X, elsewhere(4)), "upfirdn: fir is on meta and x on cpu; they have to be on one device."),
    (bias_act(X, elsewhere(3)), "bias_act: bias is on meta and x on cpu; they have to be on one device."),
    (upfirdn_act(skip=elsewhere(2, 3, 5, 5)), "upfirdn_act: skip is on meta and x on cpu; they have to be on one device."),
    (modulated_conv(style=elsewhere(2, 3)), "modulated_conv: style is on meta and x on cpu; they have to be on one device."),
    (modulated_conv(noise=elsewhere(2, 1, 8, 8)), "modulated_conv: noise is on meta and x on cpu; they have to be on one device."),
    (modulated_conv(fir=elsewhere(4), up=2), "modulated_conv: fir is on meta and x on cpu; they have to be on one device."),
    (resample_conv(X, elsewhere(4, 3, 3, 3)), "resample_conv: weight is on meta and x on cpu; they have to be on one device."),
    (filtered_lrelu(down_fir=elsewhere(4)), "filtered_lrelu: down_fir is on meta and x on cpu; they have to be on one device."),
]
DTYPES: list[tuple[Run, str]] = [
    (resample_conv(X, WEIGHT.double()), "resample_conv: weight is of float64 and x of float32; they have to be of one dtype."),
    (upfirdn_act(skip=X[..., :5, :5].double()), "upfirdn_act: skip is of float64 and x of float32; they have to be of one dtype."),
]
KINDS = [(KindError, INTEGERS), (OptionError, FACTORS), *((SpecError, each) for each in (RANK, CHANNELS, LARGE, DEVICES, DTYPES))]
CASES = [pytest.param(kind, *case, id=case[1][:60]) for kind, cases in KINDS for case in cases]


@pytest.mark.parametrize("chosen", ["", "reference"])
@pytest.mark.parametrize(("kind", "run", "message"), CASES)
def test_bad_input_is_named_in_one_line(
    kind: type[Exception], run: Run, message: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", chosen)
    with pytest.raises(kind, match="^" + re.escape(message)) as caught:
        run()
    assert "\n" not in str(caught.value)


def test_weights_of_another_dtype_are_welcome_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert ops.resample_conv(X.bfloat16(), WEIGHT).dtype is torch.bfloat16


def test_numbers_of_eight_bits_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^adain: x holds .*; float16, bfloat16, float32 and float64 are known\. Convert it first\.$"):
        ops.adain(torch.zeros(1, 2, 4, 4).to(torch.float8_e4m3fn), None, None)


@pytest.mark.parametrize("call", [lambda x: ops.upfirdn(x, FIR), lambda x: ops.upfirdn_act(x, FIR)], ids=["upfirdn", "upfirdn_act"])
def test_maps_without_a_channel_are_refused(call: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"x has shape \[2, 0, 8, 8\]; it has to have one channel and one pixel at least"):
        call(torch.zeros(2, 0, 8, 8))
