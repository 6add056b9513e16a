"""Bad input of an operator gives one line that names the operator, the argument, what was found, and what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import ops
from i2ikit.errors import InputTypeError, OptionError, SpecError

X, STYLE, WEIGHT, FIR = torch.zeros(2, 3, 8, 8), torch.ones(2, 3), torch.ones(4, 3, 3, 3), ops.fir_filter([1, 3, 3, 1])
SMALL, LONG, INTEGER = X[:, :, :2, :2], torch.ones(12), torch.ones(3, dtype=torch.int64)
Run = Callable[[], Tensor]


def make_meta(*shape: int) -> Tensor:
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
    (adain(X[0]), "adain: x has shape [3, 8, 8]; it must have 4 axes"),
    (adain(X, STYLE[None]), "adain: scale has shape [1, 2, 3]; for x of shape [2, 3, 8, 8] it must be [2, 3] or [3]."),
    (upfirdn(X[0]), "upfirdn: x has shape [3, 8, 8]; it must have 4 axes"),
    (upfirdn(X, X), "upfirdn: fir has shape [2, 3, 8, 8]; it must be [k] or [kh, kw]"),
    (upfirdn_act(X[0]), "upfirdn_act: x has shape [3, 8, 8]; it must have 4 axes"),
    (bias_act(X, STYLE), "bias_act: bias has shape [2, 3]; for x of shape [2, 3, 8, 8] it must be [3]."),
    (modulated_conv(X[0]), "modulated_conv: x has shape [3, 8, 8]; it must have 4 axes"),
    (modulated_conv(X, WEIGHT[0]), "modulated_conv: weight has shape [3, 3, 3]; it must have 4 axes"),
    (modulated_conv(X, WEIGHT, STYLE[0]), "modulated_conv: style has shape [3]; for x of shape [2, 3, 8, 8] it must be [2, 3]."),
    (modulated_conv(up=2, fir=torch.ones(())), "modulated_conv: fir has shape []; it must be [k] or [kh, kw]"),
    (resample_conv(X[0]), "resample_conv: x has shape [3, 8, 8]; it must have 4 axes"),
    (resample_conv(fir=X, up=2), "resample_conv: fir has shape [2, 3, 8, 8]; it must be [k] or [kh, kw]"),
    (filtered_lrelu(X[0]), "filtered_lrelu: x has shape [3, 8, 8]; it must have 4 axes"),
]
CHANNELS: list[tuple[Run, str]] = [
    (adain(X, None, torch.ones(2, 4)), "adain: shift has shape [2, 4]; for x of shape [2, 3, 8, 8] it must be [2, 3] or [3]."),
    (bias_act(X, torch.ones(4)), "bias_act: bias has shape [4]; for x of shape [2, 3, 8, 8] it must be [3]."),
    (upfirdn_act(bias=torch.ones(4)), "upfirdn_act: bias has shape [4]; for x of shape [2, 3, 8, 8] it must be [3]."),
    (
        modulated_conv(X, torch.ones(4, 5, 3, 3)),
        "modulated_conv: weight has shape [4, 5, 3, 3]; for x of shape [2, 3, 8, 8] it must be [4, 3, 3, 3].",
    ),
    (modulated_conv(bias=torch.ones(3)), "modulated_conv: bias has shape [3]; for x of shape [2, 3, 8, 8] it must be [4]."),
    (
        modulated_conv(noise=X),
        "modulated_conv: noise has shape [2, 3, 8, 8]; for x of shape [2, 3, 8, 8] it must be [2, 1, 8, 8] or [1, 1, 8, 8].",
    ),
    (
        resample_conv(X, torch.ones(4, 5, 3, 3)),
        "resample_conv: x has 3 channels; with weight of shape [4, 5, 3, 3] and groups=1 it needs 5",
    ),
    (
        resample_conv(X[:, :2], torch.ones(3, 1, 3, 3), groups=2),
        "resample_conv: weight has shape [3, 1, 3, 3]; its first axis must be divisible by groups=2",
    ),
    (filtered_lrelu(bias=torch.ones(4)), "filtered_lrelu: bias has shape [4]; for x of shape [2, 3, 8, 8] it must be [3]."),
]
INTEGERS: list[tuple[Run, str]] = [
    (adain(X.long()), "adain: x has dtype int64; it must be floating point"),
    (upfirdn(X, INTEGER), "upfirdn: fir has dtype int64; it must be floating point"),
    (upfirdn_act(bias=INTEGER), "upfirdn_act: bias has dtype int64; it must be floating point"),
    (bias_act(X > 0), "bias_act: x has dtype bool; it must be floating point"),
    (modulated_conv(X, WEIGHT.int()), "modulated_conv: weight has dtype int32; it must be floating point"),
    (modulated_conv(fir=INTEGER, up=2), "modulated_conv: fir has dtype int64; it must be floating point"),
    (resample_conv(X.byte()), "resample_conv: x has dtype uint8; it must be floating point"),
    (filtered_lrelu(up_fir=INTEGER), "filtered_lrelu: up_fir has dtype int64; it must be floating point"),
    (modulated_conv(fir=[1, 3, 3, 1], up=2), "modulated_conv: fir is of type list; it must be a tensor"),
    (modulated_conv(up="2"), "modulated_conv: up is '2'; it must be an integer"),
    (resample_conv(down=(2, 2)), "resample_conv: down is (2, 2); it must be an integer"),
    (filtered_lrelu(up=(2, 2)), "filtered_lrelu: up is (2, 2); it must be an integer"),
    (filtered_lrelu(slope="a"), "filtered_lrelu: slope is 'a'; it must be a number."),
]
FACTORS: list[tuple[Run, str]] = [
    (upfirdn(up=0), "upfirdn: up is 0; it must be an integer, or two [x, y], of at least 1"),
    (upfirdn_act(down=(1, 0)), "upfirdn_act: down is (1, 0); it must be an integer, or two [x, y], of at least 1"),
    (modulated_conv(up=0), "modulated_conv: up is 0; it must be at least 1."),
    (resample_conv(up=-1), "resample_conv: up is -1; it must be at least 1."),
    (resample_conv(groups=0), "resample_conv: groups is 0; it must be at least 1."),
    (filtered_lrelu(down=0), "filtered_lrelu: down is 0; it must be at least 1."),
    (adain(activation=["relu"]), 'adain: activation is [\'relu\']; it must be None, "relu" or "lrelu".'),
    (bias_act(activation=["relu"]), "bias_act: No activation is called \"['relu']\"."),
    (modulated_conv(activation="lrlu"), 'modulated_conv: No activation is called "lrlu". Did you mean "lrelu"'),
    (modulated_conv(clamp=-1), "modulated_conv: clamp is -1; it must be finite and at least 0 or None."),
]
LARGE: list[tuple[Run, str]] = [
    (upfirdn(X, LONG), "upfirdn: fir has shape [12], which is too large for x of shape [2, 3, 8, 8] with up=[1, 1]"),
    (
        upfirdn(padding=-3),
        "upfirdn: fir has shape [4, 4], which is too large for x of shape [2, 3, 8, 8] with up=[1, 1] and padding",
    ),
    (upfirdn_act(X, LONG), "upfirdn_act: fir has shape [12], which is too large for x of shape [2, 3, 8, 8]"),
    (
        modulated_conv(SMALL, torch.ones(4, 3, 5, 5), padding=0),
        "modulated_conv: weight has shape [4, 3, 5, 5], which is too large for x of shape [2, 3, 2, 2] with up=1 and padding=[0, 0, 0, 0]",
    ),
    (
        modulated_conv(SMALL, down=2, fir=LONG, padding=-2),
        "modulated_conv: weight has shape [4, 3, 3, 3] and fir has shape [12], which is too large for x of shape [2, 3, 2, 2] with up=1",
    ),
    (
        resample_conv(X, torch.ones(4, 3, 9, 9)),
        "resample_conv: weight has shape [4, 3, 9, 9], which is too large for x of shape [2, 3, 8, 8]",
    ),
    (upfirdn(X[:, :, :0], padding=4), "upfirdn: x has shape [2, 3, 0, 8]; it must have at least one channel and one pixel"),
]
DEVICES: list[tuple[Run, str]] = [
    (adain(X, make_meta(2, 3)), "adain: scale is on meta and x is on cpu"),
    (upfirdn(X, make_meta(4)), "upfirdn: fir is on meta and x is on cpu"),
    (bias_act(X, make_meta(3)), "bias_act: bias is on meta and x is on cpu"),
    (upfirdn_act(skip=make_meta(2, 3, 5, 5)), "upfirdn_act: skip is on meta and x is on cpu"),
    (modulated_conv(style=make_meta(2, 3)), "modulated_conv: style is on meta and x is on cpu"),
    (modulated_conv(noise=make_meta(2, 1, 8, 8)), "modulated_conv: noise is on meta and x is on cpu"),
    (modulated_conv(fir=make_meta(4), up=2), "modulated_conv: fir is on meta and x is on cpu"),
    (resample_conv(X, make_meta(4, 3, 3, 3)), "resample_conv: weight is on meta and x is on cpu"),
    (filtered_lrelu(down_fir=make_meta(4)), "filtered_lrelu: down_fir is on meta and x is on cpu"),
]
DTYPES: list[tuple[Run, str]] = [
    (resample_conv(X, WEIGHT.double()), "resample_conv: weight has dtype float64, but x has float32"),
    (upfirdn_act(skip=X[..., :5, :5].double()), "upfirdn_act: skip has dtype float64, but x has float32"),
]
ERRORS = [(InputTypeError, INTEGERS), (OptionError, FACTORS), *((SpecError, each) for each in (RANK, CHANNELS, LARGE, DEVICES, DTYPES))]
CASES = [pytest.param(error, *case, id=case[1][:60]) for error, cases in ERRORS for case in cases]


@pytest.mark.parametrize("implementation", ["", "reference"])
@pytest.mark.parametrize(("error", "run", "message"), CASES)
def test_bad_input_is_named_in_one_line(
    error: type[Exception], run: Run, message: str, implementation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    with pytest.raises(error, match="^" + re.escape(message)) as caught:
        run()
    assert "\n" not in str(caught.value)


def test_weights_of_another_dtype_are_allowed_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert ops.resample_conv(X.bfloat16(), WEIGHT).dtype is torch.bfloat16


def test_eight_bit_floats_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^adain: x has dtype float8_e4m3fn; it must be float16, bfloat16, float32 or float64"):
        ops.adain(torch.zeros(1, 2, 4, 4).to(torch.float8_e4m3fn), None, None)


@pytest.mark.parametrize("call", [lambda x: ops.upfirdn(x, FIR), lambda x: ops.upfirdn_act(x, FIR)], ids=["upfirdn", "upfirdn_act"])
def test_maps_without_a_channel_are_refused(call: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"x has shape \[2, 0, 8, 8\]; it must have at least one channel and one pixel"):
        call(torch.zeros(2, 0, 8, 8))
