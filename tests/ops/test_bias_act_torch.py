"""bias_act and the rest of torch: higher gradients, what is kept for them, torch.library, compile, export, autocast, bad input."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit.errors import KindError, OptionError, SpecError
from i2ikit.ops.bias_act import bias_act
from i2ikit.ops.bias_act.activations import ACTIVATIONS
from i2ikit.ops.bias_act.reference import activated, curvature, slope
from i2ikit.ops.bias_act.register import bias_act_backward_op, bias_act_op

SMOOTH = [name for name, each in ACTIVATIONS.items() if not each.piecewise_linear]
# opcheck itself looks at gradients of tensors that are no leaves.
WITHIN_TORCH = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize(("alpha", "gain"), [(None, None), (-0.3, 0.7), (0.3, -0.7)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("choice", ["reference", "cpu"])
def test_first_and_second_gradients_are_right(
    choice: str, activation: str, alpha: float | None, gain: float | None, clamp: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", choice)
    inputs = (maps(2, 3, 2, 2), maps(3, seed=1), maps(2, 1, 2, 2, seed=2))

    def run(x: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
        return bias_act(x, bias, activation, alpha, gain, clamp, noise=noise)

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_shared_plane_of_noise_and_a_late_axis_have_second_gradients(activation: str) -> None:
    x, bias = maps(2, 2, 3, 2), maps(2, seed=1)
    assert torch.autograd.gradgradcheck(lambda *given: bias_act(*given[:2], activation, noise=given[2]), (x, bias, maps(1, 1, 3, 2)))
    assert torch.autograd.gradgradcheck(lambda *given: bias_act(*given, activation, dim=3), (x, bias))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_third_gradients_are_those_of_torch(activation: str) -> None:
    def third(y: Tensor, x: Tensor) -> Tensor:
        for _ in range(3):
            (y,) = torch.autograd.grad((y * (y.detach() + 2)).sum(), x, create_graph=True)
            if not y.requires_grad:
                return y
        return y

    x = maps(2, 3)
    plain = activated(x, activation, 0.2) * ACTIVATIONS[activation].gain
    torch.testing.assert_close(third(bias_act(x, None, activation), x), third(plain, x))


@pytest.mark.parametrize("activation", SMOOTH)
def test_the_slope_and_the_curvature_are_the_derivatives(activation: str) -> None:
    z = torch.linspace(-30, 30, 200, dtype=torch.float64).requires_grad_()
    (first,) = torch.autograd.grad(activated(z, activation, 0.0).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    torch.testing.assert_close(slope(z, activation, 0.0), first, rtol=0, atol=1e-8)
    torch.testing.assert_close(curvature(z, activation), second, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("options", "kept"),
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
def test_no_more_is_kept_for_the_gradient_than_it_needs(options: dict[str, Any], kept: list[str]) -> None:
    given = {"x": maps(2, 3, 4, 5), "bias": maps(3), "noise": maps(2, 1, 4, 5)}
    found: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.append(each.data_ptr()) or each, lambda each: each):
        given["y"] = bias_act(**given, **options)
    assert found == [given[name].data_ptr() for name in kept]


def test_the_second_gradient_of_a_piecewise_linear_one_keeps_no_more_than_the_first() -> None:
    x = maps(2, 3, 4, 5)
    y = bias_act(x, None, "lrelu")
    found: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: found.append(each.data_ptr()) or each, lambda each: each):
        torch.autograd.grad(y, x, torch.ones_like(y).requires_grad_(), create_graph=True)
    assert set(found) == {y.data_ptr()}


@WITHIN_TORCH
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize(("activation", "clamp"), [("linear", None), ("lrelu", 0.7), ("swish", None), ("tanh", 0.5)])
def test_torch_library_finds_nothing_wrong_with_it(activation: str, clamp: float | None, order: torch.memory_format) -> None:
    x = maps(2, 3, 4, 5, dtype=torch.float32).detach().contiguous(memory_format=order).requires_grad_()
    bias, noise = maps(3, dtype=torch.float32), maps(1, 1, 4, 5, dtype=torch.float32)
    torch.library.opcheck(bias_act_op, (x, bias, noise, activation, 0.2, 1.4, clamp, 1))
    torch.library.opcheck(bias_act_op, (x, None, None, activation, 0.2, 1.4, clamp, 2))


@WITHIN_TORCH
@pytest.mark.parametrize("order", LAYOUTS)
@pytest.mark.parametrize("activation", ["lrelu", "swish"])
@pytest.mark.parametrize("sums", [True, False])
def test_torch_library_finds_nothing_wrong_with_its_backward(sums: bool, activation: str, order: torch.memory_format) -> None:
    x = maps(2, 3, 4, 5, dtype=torch.float32).detach().contiguous(memory_format=order).requires_grad_()
    grad, bias, noise = maps(2, 3, 4, 5, dtype=torch.float32), maps(3, dtype=torch.float32), maps(2, 1, 4, 5, dtype=torch.float32)
    torch.library.opcheck(bias_act_backward_op, (grad, x, bias, noise, activation, 0.2, 1.4, 0.7, 1, False, sums))
    if activation == "lrelu":
        y = x.detach()
        torch.library.opcheck(bias_act_backward_op, (grad, y, None, None, activation, 0.2, 1.4, 0.7, 1, True, sums))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["linear", "lrelu", "swish"])
def test_it_compiles_as_one_graph_with_its_gradient(activation: str) -> None:
    def run(x: Tensor, bias: Tensor, noise: Tensor) -> Tensor:
        return bias_act(x * 2, bias, activation, clamp=1.0, noise=noise).square().sum()

    given = (maps(2, 3, 4, 5, dtype=torch.float32), maps(3, dtype=torch.float32), maps(2, 1, 4, 5, dtype=torch.float32))
    found, wanted = torch.compile(run, fullgraph=True, backend="aot_eager")(*given), run(*given)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(torch.autograd.grad(found, given), torch.autograd.grad(wanted, given))


def test_it_can_be_exported() -> None:
    class Net(torch.nn.Module):
        def forward(self, x: Tensor, bias: Tensor) -> Tensor:
            return bias_act(x, bias, "lrelu", clamp=2.0)

    given = (maps(2, 3, 4, 5, dtype=torch.float32).detach(), maps(3, dtype=torch.float32).detach())
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(Net(), given, dynamic_shapes=({0: batch}, None))
    assert "i2ikit.bias_act.default" in program.graph_module.code
    other = torch.cat([given[0], given[0]])
    torch.testing.assert_close(program.module()(other, given[1]), Net()(other, given[1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_leaves_the_dtype_alone(dtype: torch.dtype) -> None:
    x = maps(2, 3, 4, 5, dtype=torch.float32).detach().to(dtype).requires_grad_()
    bias = maps(3, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y = bias_act(x, bias, "softplus")
    assert y.dtype is dtype
    assert [each.dtype for each in torch.autograd.grad(y.sum(), (x, bias))] == [dtype, torch.float32]


IMAGE = torch.zeros(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (KindError, {"x": [1.0]}, "bias_act: x is a list; it has to be a tensor."),
        (KindError, {"x": IMAGE.long()}, "bias_act: x holds int64; it has to hold floating point numbers. Convert it first."),
        (SpecError, {"x": torch.zeros(()), "dim": 0}, "bias_act: x has shape []; it has to have at least one axis."),
        (SpecError, {"dim": 4}, "bias_act: dim is 4; for x of shape [2, 3, 4, 5] it has to lie between -4 and 3."),
        (KindError, {"dim": 1.0}, "bias_act: dim is 1.0; it has to be a whole number."),
        (SpecError, {"bias": torch.zeros(4)}, "bias_act: bias has shape [4]; for x of shape [2, 3, 4, 5] it has to be [3]."),
        (
            SpecError,
            {"noise": torch.zeros(2, 3, 4, 5)},
            "bias_act: noise has shape [2, 3, 4, 5]; for x of shape [2, 3, 4, 5] it has to be [2, 1, 4, 5] or [1, 1, 4, 5].",
        ),
        (
            SpecError,
            {"noise": torch.zeros(2, 1, 4, 5), "dim": -1},
            "bias_act: noise goes with x [B, C, H, W] and dim 1 only; x has shape [2, 3, 4, 5], and dim is -1. Add it to x before.",
        ),
        (SpecError, {"bias": torch.zeros(3, device="meta")}, "bias_act: bias is on meta and x on cpu; they have to be on one device."),
        (OptionError, {"activation": "lerelu"}, 'bias_act: activation is "lerelu". Did you mean "lrelu", "relu" or "elu"?'),
        (OptionError, {"activation": None}, 'bias_act: activation is "None". Available: elu, linear, lrelu, relu, selu, sigmoid'),
        (KindError, {"alpha": "0.2"}, "bias_act: alpha is '0.2'; it has to be a number or None."),
        (KindError, {"gain": True}, "bias_act: gain is True; it has to be a number or None."),
        (OptionError, {"clamp": -1}, "bias_act: clamp is -1; it has to be finite and at least 0 or None."),
        (OptionError, {"clamp": float("inf")}, "bias_act: clamp is inf; it has to be finite and at least 0 or None."),
        (OptionError, {"gain": float("nan")}, "bias_act: gain is nan; it has to be finite or None."),
    ],
)
def test_bad_input_is_named_in_one_line(kind: type[Exception], given: dict[str, Any], message: str) -> None:
    with pytest.raises(kind, match="^" + re.escape(message)) as caught:
        bias_act(**{"x": IMAGE, **given})
    assert "\n" not in str(caught.value)
