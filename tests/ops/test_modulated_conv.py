"""modulated_conv, resample_conv and filtered_lrelu, for every implementation, compared with the original codes and each other."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

import pytest
import torch
from ops.golden import load_cases, needs_golden
from ops.interpreted import IMPLEMENTATIONS, INTERPRETED, ON_GPU, get_device, run_in_interpreter
from torch import Tensor

from i2ikit import ops

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


def make_numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape))).requires_grad_()


@needs_golden
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_modulated_convolutions_equal_those_of_the_original_code(implementation: str, memory_format: torch.memory_format) -> None:
    device = get_device(implementation)
    for case in load_cases("ops_modulated_conv2d", part=LAYOUTS.index(memory_format)):
        args, inputs = case.args, {name: value.to(device) for name, value in case.inputs.items()}
        x, weight = inputs["x"].contiguous(memory_format=memory_format).requires_grad_(), inputs["weight"].requires_grad_()
        style = (1 + 0.5 * inputs["styles"]).requires_grad_()
        y = ops.modulated_conv(
            x, weight, style, args["demodulate"], args["up"], args["down"], inputs["f"], inputs.get("noise"),
            padding=args["padding"], flip=args["flip_weight"],
        )  # fmt: skip
        for name, value in zip(
            ("y", "dx", "dw", "ds"), (y, *torch.autograd.grad(y, (x, weight, style), case.make_gradient(y))), strict=True
        ):
            case.assert_near(name, value)


@needs_golden
def test_stylegan3_s_normalisation_gives_its_convolutions(implementation: str) -> None:
    device = get_device(implementation)
    for case in load_cases("ops_modulated_conv2d_sg3"):
        x, weight = (case.inputs[name].to(device).requires_grad_() for name in ("x", "w"))
        style = (1 + 0.5 * case.inputs["s"].to(device)).requires_grad_()
        gain = case.inputs.get("ig")
        maps = x if gain is None else x * gain.to(device).reshape(-1, 1, 1) if gain.ndim else x * gain.to(device)
        unit = weight * weight.square().mean((1, 2, 3), keepdim=True).rsqrt()
        y = ops.modulated_conv(maps, unit, style * style.square().mean().rsqrt(), padding=case.args["padding"])
        for name, value in zip(
            ("y", "dx", "dw", "ds"), (y, *torch.autograd.grad(y, (x, weight, style), case.make_gradient(y))), strict=True
        ):
            case.assert_near(name, value)


@needs_golden
def test_resampled_convolutions_equal_those_of_the_original_code(implementation: str) -> None:
    device = get_device(implementation)
    for case in load_cases("ops_conv2d_resample"):
        names = {"flip_weight": "flip", "flip_filter": "flip_fir"}
        options = {names.get(key, key): value for key, value in case.args.items() if key != "filter"}
        x, weight = (case.inputs[name].to(device).requires_grad_() for name in ("x", "w"))
        y = ops.resample_conv(x, weight, None if case.inputs["f"] is None else case.inputs["f"].to(device), **options)
        for name, value in zip(("y", "dx", "dw"), (y, *torch.autograd.grad(y, (x, weight), case.make_gradient(y))), strict=True):
            case.assert_near(name, value)


@needs_golden
@pytest.mark.parametrize("start", [pytest.param(0, id="even"), pytest.param(1, id="odd")])
def test_filtered_activations_equal_those_of_the_original_code(implementation: str, start: int) -> None:
    device = get_device(implementation)
    for case in islice(load_cases("ops_filtered_lrelu", "filtered_lrelu"), start, None, 2):
        options = {"flip" if key == "flip_filter" else key: value for key, value in case.args.items() if key not in {"fu", "fd"}}
        up_fir, down_fir, bias, v = (None if case.inputs[name] is None else case.inputs[name].to(device) for name in ("fu", "fd", "b", "v"))
        x = (2 * case.inputs["x"].to(device)).requires_grad_()
        if bias is not None:
            bias.requires_grad_()
        y = ops.filtered_lrelu(x, up_fir, down_fir, bias, **options)
        case.assert_near("y", y)
        gy = case.make_gradient(y).requires_grad_()
        (dx,) = torch.autograd.grad(y, x, gy, create_graph=True)
        case.assert_near("dx", dx)
        if bias is not None:
            case.assert_near("db", torch.autograd.grad(y, bias, gy, create_graph=True)[0])
        case.assert_near("ggy", torch.autograd.grad((dx * v).sum(), gy)[0])


@pytest.mark.parametrize(("up", "down", "kernel"), [(1, 1, 3), (2, 1, 3), (1, 2, 3), (2, 1, 1), (1, 2, 1), (2, 2, 3), (1, 1, 5)])
def test_shared_weights_give_the_result_of_separate_weights_for_each_image(
    up: int, down: int, kernel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, style = make_numbers(2, 5, 8, 6), make_numbers(2, 5, seed=1)
    weight, bias = make_numbers(4, 5, kernel, kernel, seed=2), make_numbers(4, seed=3)
    size = (8 * up // down, 6 * up // down)
    noise = make_numbers(2, 1, *size, seed=4)
    inputs, found = (x, weight, style, noise, bias), {}
    for implementation in ("reference", "cpu"):
        monkeypatch.setenv("I2IKIT_OPS", implementation)
        y = ops.modulated_conv(x, weight, style, True, up, down, ops.fir_filter([1, 3, 3, 1]), noise, bias, "lrelu", clamp=1.5)
        assert y.shape == (2, 4, *size)
        found[implementation] = (y, *torch.autograd.grad(y, inputs, torch.ones_like(y)))
    for one, other in zip(*found.values(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-5)


def test_large_styles_do_not_overflow_float16() -> None:
    x, weight, style = make_numbers(1, 64, 8, 8), make_numbers(8, 64, 3, 3, seed=1) * 100, make_numbers(1, 64, seed=2) * 300
    exact = ops.modulated_conv(x, weight, style)
    half = ops.modulated_conv(x.half(), weight, style)
    assert half.dtype is torch.float16
    torch.testing.assert_close(half.float(), exact, rtol=0, atol=2e-2)


@pytest.mark.parametrize("zero", ["weight", "style"])
def test_zero_weights_and_styles_give_zeros_in_float16(zero: str) -> None:
    x, weight, style = (
        make_numbers(1, 4, 6, 6).half().detach(),
        make_numbers(3, 4, 3, 3, seed=1).half().detach(),
        make_numbers(1, 4, seed=2).half().detach(),
    )
    (weight[1] if zero == "weight" else style).zero_()
    y = ops.modulated_conv(x, weight, style)
    assert y.isfinite().all()
    assert not y[:, 1].any()


def test_large_styles_do_not_overflow_under_autocast_to_float16() -> None:
    x, weight, style = make_numbers(1, 64, 8, 8), make_numbers(8, 64, 3, 3, seed=1) * 100, make_numbers(1, 64, seed=2) * 300
    exact = ops.modulated_conv(x, weight, style)
    with torch.autocast("cpu", torch.float16):
        y = ops.modulated_conv(x, weight, style)
    torch.testing.assert_close(y, exact, rtol=0, atol=2e-2)


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
@pytest.mark.parametrize("options", [{}, {"demodulate": False}, {"up": 2}])
def test_under_autocast_the_result_has_the_dtype_of_x(
    implementation: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    with torch.autocast("cpu", torch.bfloat16):
        y = ops.modulated_conv(make_numbers(1, 4, 6, 6), make_numbers(3, 4, 3, 3), make_numbers(1, 4), **options)
    assert y.dtype is torch.float32


@pytest.mark.slow
def test_a_layer_compiles_as_one_graph_with_its_gradient() -> None:
    x, weight, style = make_numbers(2, 4, 8, 8), make_numbers(3, 4, 3, 3, seed=1), make_numbers(2, 4, seed=2)

    def layer(maps: Tensor, filters: Tensor, vector: Tensor) -> Tensor:
        fir = torch.ones(4, 4) / 16
        return ops.modulated_conv(maps, filters, vector, up=2, fir=fir, bias=filters[:, 0, 0, 0], activation="lrelu")

    y, expected = torch.compile(layer, fullgraph=True)(x, weight, style), layer(x, weight, style)
    torch.testing.assert_close(y, expected)
    grad = torch.randn_like(y)
    for one, other in zip(
        torch.autograd.grad(y, (x, weight, style), grad), torch.autograd.grad(expected, (x, weight, style), grad), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


X = torch.zeros(2, 3, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"weight": torch.zeros(4, 5, 3, 3)},
            "modulated_conv: weight has shape [4, 5, 3, 3]; for x of shape",
        ),
        ({"style": torch.zeros(2, 4)}, "modulated_conv: style has shape [2, 4]; for x of shape [2, 3, 8, 8] it must be [2, 3]."),
        ({"bias": torch.zeros(3)}, "modulated_conv: bias has shape [3]"),
        ({"up": 0}, "modulated_conv: up is 0"),
    ],
)
def test_bad_input_is_named_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ops.modulated_conv(**{"x": X, "weight": torch.zeros(4, 3, 3, 3), "style": torch.zeros(2, 3), **arguments})


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
@pytest.mark.parametrize("names", ["modulated_convolutions", "filtered and even", "filtered and odd", "(stylegan3 or resampled)"])
def test_the_kernels_pass_in_the_interpreter(names: str) -> None:
    run_in_interpreter(__file__, f"triton and {names}")
