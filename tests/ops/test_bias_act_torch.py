"""bias_act and the rest of torch: higher gradients, what is saved for them, torch.library, compile, export, autocast, bad input."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit.errors import InputTypeError, OptionError, SpecError
from i2ikit.ops.bias_act import bias_act
from i2ikit.ops.bias_act.activations import ACTIVATIONS
from i2ikit.ops.bias_act.reference import activate, curvature, slope
from i2ikit.ops.bias_act.register import bias_act_backward_op, bias_act_op

SMOOTH = [name for name, each in ACTIVATIONS.items() if not each.piecewise_linear]
# opcheck reads the gradients of tensors that are not leaves
WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def make_maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize(("alpha", "gain"), [(None, None), (-0.3, 0.7), (0.3, -0.7)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("implementation", ["reference", "cpu"])
def test_first_and_second_gradients_are_right(
    implementation: str, activation: str, alpha: float | None, gain: float | None, clamp: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", implementation)
    inputs = (make_maps(2, 3, 2, 2), make_maps(3, seed=1), make_maps(2, 1, 2, 2, seed=2))

    def run(x: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
        return bias_act(x, bias, activation, alpha, gain, clamp, noise=noise)

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shared_noise_and_a_bias_along_the_last_axis_have_second_gradients(activation: str) -> None:
    x, bias = make_maps(2, 2, 3, 2), make_maps(2, seed=1)
    assert torch.autograd.gradgradcheck(
        lambda *inputs: bias_act(*inputs[:2], activation, noise=inputs[2]), (x, bias, make_maps(1, 1, 3, 2))
    )
    assert torch.autograd.gradgradcheck(lambda *inputs: bias_act(*inputs, activation, dim=3), (x, bias))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_third_gradients_equal_those_of_torch(activation: str) -> None:
    def third(y: Tensor, x: Tensor) -> Tensor:
        for _ in range(3):
            (y,) = torch.autograd.grad((y * (y.detach() + 2)).sum(), x, create_graph=True)
            if not y.requires_grad:
                return y
        return y

    x = make_maps(2, 3)
    reference = activate(x, activation, 0.2) * ACTIVATIONS[activation].gain
    torch.testing.assert_close(third(bias_act(x, None, activation), x), third(reference, x))


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_slope_and_the_curvature_are_the_derivatives(activation: str) -> None:
    z = torch.linspace(-30, 30, 200, dtype=torch.float64).requires_grad_()
    (first,) = torch.autograd.grad(activate(z, activation, 0.0).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    torch.testing.assert_close(slope(z, activation, 0.0), first, rtol=0, atol=1e-8)
    torch.testing.assert_close(curvature(z, activation), second, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "saved"),
    [
        ({"activation": "linear"}, []),
        ({"activation": "linear", "clamp": 1.0}, ["y"]),
        ({"activation": "relu"}, ["y"]),
        ({"activation": "lrelu", "clamp": 1.0}, ["y"]),
        ({"activation": "relu", "alpha": -1.0}, ["y"]),
        ({"activation": "lrelu", "alpha": -0.2}, ["x", "bias", "noise"]),
        ({"activation": "lrelu", "gain": -1.0}, ["x", "bias", "noise"]),
        ({"activation": "swish"}, ["x", "bias", "noise"]),
    ],
)
def test_only_what_the_gradient_needs_is_saved(options: dict[str, Any], saved: list[str]) -> None:
    inputs = {"x": make_maps(2, 3, 4, 5), "bias": make_maps(3), "noise": make_maps(2, 1, 4, 5)}
    found: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.append(each.data_ptr()) or each, lambda each: each):
        inputs["y"] = bias_act(**inputs, **options)
    assert found == [inputs[name].data_ptr() for name in saved]


def test_a_piecewise_linear_activation_saves_no_more_for_the_second_gradient_than_for_the_first() -> None:
    x = make_maps(2, 3, 4, 5)
    y = bias_act(x, None, "lrelu")
    found: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.append(each.data_ptr()) or each, lambda each: each):
        torch.autograd.grad(y, x, torch.ones_like(y).requires_grad_(), create_graph=True)
    assert set(found) == {y.data_ptr()}


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(("activation", "clamp"), [("linear", None), ("lrelu", 0.7), ("swish", None), ("tanh", 0.5)])
def test_opcheck_passes(activation: str, clamp: float | None, memory_format: torch.memory_format) -> None:
    x = make_maps(2, 3, 4, 5, dtype=torch.float32).detach().contiguous(memory_format=memory_format).requires_grad_()
    bias, noise = make_maps(3, dtype=torch.float32), make_maps(1, 1, 4, 5, dtype=torch.float32)
    torch.library.opcheck(bias_act_op, (x, bias, noise, activation, 0.2, 1.4, clamp, 1))
    torch.library.opcheck(bias_act_op, (x, None, None, activation, 0.2, 1.4, clamp, 2))


@WITHIN_TORCH
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("activation", ["lrelu", "swish"])
@pytest.mark.parametrize("sums", [True, False])
def test_opcheck_passes_for_the_gradient(sums: bool, activation: str, memory_format: torch.memory_format) -> None:
    x = make_maps(2, 3, 4, 5, dtype=torch.float32).detach().contiguous(memory_format=memory_format).requires_grad_()
    grad, bias, noise = (
        make_maps(2, 3, 4, 5, dtype=torch.float32),
        make_maps(3, dtype=torch.float32),
        make_maps(2, 1, 4, 5, dtype=torch.float32),
    )
    torch.library.opcheck(bias_act_backward_op, (grad, x, bias, noise, activation, 0.2, 1.4, 0.7, 1, False, sums))
    if activation == "lrelu":
        y = x.detach()
        torch.library.opcheck(bias_act_backward_op, (grad, y, None, None, activation, 0.2, 1.4, 0.7, 1, True, sums))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["linear", "lrelu", "swish"])
def test_it_compiles_as_one_graph_with_its_gradient(activation: str) -> None:
    def run(x: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
        return bias_act(x * 2, bias, activation, clamp=1.0, noise=noise).square().sum()

    inputs = (make_maps(2, 3, 4, 5, dtype=torch.float32), make_maps(3, dtype=torch.float32), make_maps(2, 1, 4, 5, dtype=torch.float32))
    found, expected = torch.compile(run, fullgraph=True, backend="aot_eager")(*inputs), run(*inputs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))


def test_it_can_be_exported() -> None:
    class Net(torch.nn.Module):
        def forward(self, x: Tensor, bias: Tensor) -> Tensor:
            return bias_act(x, bias, "lrelu", clamp=2.0)

    inputs = (make_maps(2, 3, 4, 5, dtype=torch.float32).detach(), make_maps(3, dtype=torch.float32).detach())
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(Net(), inputs, dynamic_shapes=({0: batch}, None))
    assert "i2ikit.bias_act.default" in program.graph_module.code
    other = torch.cat([inputs[0], inputs[0]])
    torch.testing.assert_close(program.module()(other, inputs[1]), Net()(other, inputs[1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_leaves_the_dtype_alone(dtype: torch.dtype) -> None:
    x = make_maps(2, 3, 4, 5, dtype=torch.float32).detach().to(dtype).requires_grad_()
    bias = make_maps(3, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = bias_act(x, bias, "softplus")
    assert y.dtype is dtype
    assert [each.dtype for each in torch.autograd.grad(y.sum(), (x, bias))] == [dtype, torch.float32]


IMAGE = torch.zeros(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("error", "arguments", "message"),
    [
        (InputTypeError, {"x": [1.0]}, "bias_act: x is of type list; it must be a tensor"),
        (InputTypeError, {"x": IMAGE.long()}, "bias_act: x has dtype int64; it must be floating point"),
        (SpecError, {"x": torch.zeros(()), "dim": 0}, "bias_act: x has shape []; it must have at least one axis"),
        (SpecError, {"dim": 4}, "bias_act: dim is 4; for x of shape [2, 3, 4, 5] it must be between -4 and 3"),
        (InputTypeError, {"dim": 1.0}, "bias_act: dim is 1.0; it must be an integer"),
        (SpecError, {"bias": torch.zeros(4)}, "bias_act: bias has shape [4]; for x of shape [2, 3, 4, 5] it must be [3]."),
        (
            SpecError,
            {"noise": torch.zeros(2, 3, 4, 5)},
            "bias_act: noise has shape [2, 3, 4, 5]; for x of shape [2, 3, 4, 5] it must be [2, 1, 4, 5] or [1, 1, 4, 5].",
        ),
        (
            SpecError,
            {"noise": torch.zeros(2, 1, 4, 5), "dim": -1},
            "bias_act: noise requires x [B, C, H, W] and dim 1; x has shape [2, 3, 4, 5] and dim is -1",
        ),
        (SpecError, {"bias": torch.zeros(3, device="meta")}, "bias_act: bias is on meta and x is on cpu"),
        (OptionError, {"activation": "lerelu"}, 'bias_act: No activation is called "lerelu". Did you mean "lrelu", "relu" or "elu"?'),
        (OptionError, {"activation": None}, 'bias_act: No activation is called "None". Available: elu, linear, lrelu, relu, selu, sigmoid'),
        (InputTypeError, {"alpha": "0.2"}, "bias_act: alpha is '0.2'; it must be a number or None."),
        (InputTypeError, {"gain": True}, "bias_act: gain is True; it must be a number or None."),
        (OptionError, {"clamp": -1}, "bias_act: clamp is -1; it must be finite and at least 0 or None."),
        (OptionError, {"clamp": float("inf")}, "bias_act: clamp is inf; it must be finite and at least 0 or None."),
        (OptionError, {"gain": float("nan")}, "bias_act: gain is nan; it must be finite or None."),
    ],
)
def test_bad_input_is_named_in_one_line(error: type[Exception], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(error, match="^" + re.escape(message)) as caught:
        bias_act(**{"x": IMAGE, **arguments})
    assert "\n" not in str(caught.value)
