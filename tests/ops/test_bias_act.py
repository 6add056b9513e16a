"""bias_act: its values and first gradients for every implementation. Higher gradients and the rest are in test_bias_act_torch.py."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from ops.golden import load_cases, needs_golden
from ops.interpreted import IMPLEMENTATIONS, INTERPRETED, ON_GPU, get_device, needs_triton, run_in_interpreter
from torch import Tensor

from i2ikit.ops.bias_act import bias_act

SELU = (1.0507009873554805, 1.6732632423543772)
# Each as its paper writes it, independent of the code under test. In float64 and near zero this is accurate enough.
FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda z: z * 1,
    "relu": lambda z: torch.where(z > 0, z, 0 * z),
    "lrelu": lambda z: torch.where(z > 0, z, 0.2 * z),
    "tanh": lambda z: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
    "sigmoid": lambda z: 1 / (1 + (-z).exp()),
    "elu": lambda z: torch.where(z > 0, z, z.exp() - 1),
    "selu": lambda z: SELU[0] * torch.where(z > 0, z, SELU[1] * (z.exp() - 1)),
    "softplus": lambda z: (1 + z.exp()).log(),
    "swish": lambda z: z / (1 + (-z).exp()),
}
GAINS = dict.fromkeys(FORMULAS, 1.0) | dict.fromkeys(("relu", "lrelu", "swish"), math.sqrt(2))
TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 4e-3, torch.bfloat16: 3e-2}
LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("I2IKIT_OPS", request.param)
    return str(request.param)


def make_numbers(*shape: int, implementation: str = "cpu", dtype: torch.dtype = torch.float32, odd: bool = False) -> Tensor:
    """Return multiples of 1/8, or odd multiples of 1/16: their sums are exact in bfloat16, and never at the kink of an activation."""
    values = (torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape) + odd)) * 8).round() / 8
    return (values + odd / 16).clamp(-3, 3 - odd / 16).to(get_device(implementation), dtype).requires_grad_()


def compute_by_hand(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, gain: float, clamp: float | None, dim: int = 1
) -> Tensor:
    z = x.double()
    if bias is not None:
        z = (z.movedim(dim, -1) + bias.double()).movedim(-1, dim)
    y = gain * FORMULAS[activation](z if noise is None else z + noise.double())
    return y if clamp is None else torch.where(y > clamp, clamp, torch.where(y < -clamp, -clamp, y))


def assert_near(found: Tensor | None, expected: Tensor, dtype: torch.dtype) -> None:
    assert found is not None
    atol = TOLERANCE[dtype] * max(1.0, expected.abs().max().item() if expected.numel() else 0.0)
    torch.testing.assert_close(found.double(), expected.double(), rtol=0, atol=atol)


def assert_matches_formula(
    x: Tensor, bias: Tensor | None, noise: Tensor | None, activation: str, gain: float | None, clamp: float | None, dim: int = 1
) -> None:
    inputs = [each for each in (x, bias, noise) if each is not None]
    y = bias_act(x, bias, activation, gain=gain, clamp=clamp, noise=noise, dim=dim)
    expected = compute_by_hand(x, bias, noise, activation, GAINS[activation] if gain is None else gain, clamp, dim)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert_near(y, expected, x.dtype)
    grad = make_numbers(*x.shape).detach().to(y)
    grads = torch.autograd.grad(expected, inputs, grad.double())
    for found, each, tensor in zip(torch.autograd.grad(y, inputs, grad), grads, inputs, strict=True):
        assert found.dtype == tensor.dtype
        assert_near(found, each, x.dtype)


@pytest.mark.parametrize("clamp", [None, 1.25])
@pytest.mark.parametrize("gain", [None, 1.5, -0.5])
@pytest.mark.parametrize("activation", FORMULAS)
def test_values_and_gradients_are_those_of_the_formula(
    implementation: str, activation: str, gain: float | None, clamp: float | None
) -> None:
    x, bias = make_numbers(2, 3, 5, 7, implementation=implementation), make_numbers(3, implementation=implementation)
    assert_matches_formula(x, bias, make_numbers(2, 1, 5, 7, implementation=implementation, odd=True), activation, gain, clamp)


@pytest.mark.parametrize("activation", ["lrelu", "swish"])
@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (3, 5, 1, 1), (2, 1, 3, 3), (1, 2, 53, 41), (2, 131, 3, 2), (1, 3, 8, 64), (5, 40, 2, 2), (0, 3, 4, 4)]
)
def test_odd_sizes_are_right_in_both_memory_formats(
    implementation: str, shape: tuple[int, ...], memory_format: torch.memory_format, activation: str
) -> None:
    x = make_numbers(*shape, implementation=implementation).detach().contiguous(memory_format=memory_format).requires_grad_()
    bias, noise = (
        make_numbers(shape[1], implementation=implementation),
        make_numbers(1, 1, *shape[2:], implementation=implementation, odd=True),
    )
    assert_matches_formula(x, bias, noise, activation, None, 2.0)
    assert_matches_formula(x, make_numbers(shape[1], implementation=implementation, odd=True), None, activation, None, None)
    assert_matches_formula(x, None, None, activation, None, None)
    y = bias_act(x, bias, activation)
    assert y.numel() == 0 or y.is_contiguous(memory_format=memory_format)
    assert y.numel() == 0 or torch.autograd.grad(y, x, torch.ones_like(y))[0].is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(
    ("shape", "dim"),
    [((7,), 0), ((5, 3), 0), ((5, 3), 1), ((4, 3, 6), 2), ((2, 3, 4, 5), 0), ((2, 3, 4, 5), -1), ((2, 3, 4, 5), 2), ((2, 3, 2, 5, 2), 1)],
)
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_the_bias_may_be_along_any_axis_of_any_number_of_axes(
    implementation: str, shape: tuple[int, ...], dim: int, memory_format: torch.memory_format
) -> None:
    x = make_numbers(*shape, implementation=implementation).detach()
    x = x.contiguous(memory_format=memory_format if len(shape) == 4 else torch.contiguous_format).requires_grad_()
    assert_matches_formula(x, make_numbers(shape[dim], implementation=implementation, odd=True), None, "lrelu", None, None, dim)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("activation", FORMULAS)
def test_half_precision_accepts_parameters_in_float32(implementation: str, activation: str, dtype: torch.dtype) -> None:
    x, noise = (
        make_numbers(2, 3, 5, 7, implementation=implementation, dtype=dtype),
        make_numbers(1, 1, 5, 7, implementation=implementation, odd=True),
    )
    assert_matches_formula(x, make_numbers(3, implementation=implementation), noise, activation, None, None)


@pytest.mark.parametrize("activation", ["lrelu", "tanh"])
def test_non_contiguous_maps_and_expanded_gradients_are_right(implementation: str, activation: str) -> None:
    x = make_numbers(4, 7, 6, 5, implementation=implementation).detach().transpose(2, 3)[::2, 1:6].requires_grad_()
    bias = make_numbers(5, implementation=implementation, odd=True)
    y = bias_act(x, bias, activation)
    expected = compute_by_hand(x, bias, None, activation, GAINS[activation], None)
    assert y.is_contiguous()
    assert_near(y, expected, x.dtype)
    one = torch.ones((), device=x.device)
    for gradient in (one.expand_as(y), torch.ones_like(y).transpose(2, 3).contiguous().transpose(2, 3) * 2):
        for found, each in zip(
            torch.autograd.grad(y, (x, bias), gradient, retain_graph=True),
            torch.autograd.grad(expected, (x, bias), gradient.double(), retain_graph=True),
            strict=True,
        ):
            assert_near(found, each, x.dtype)


@pytest.mark.parametrize("memory_format", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 33, 3, 1), (1, 1, 67, 71)])
def test_every_number_is_written(
    implementation: str, shape: tuple[int, ...], memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        x = make_numbers(*shape, implementation=implementation).detach().contiguous(memory_format=memory_format).requires_grad_()
        bias = make_numbers(shape[1], implementation=implementation, odd=True)
        y = bias_act(x, bias, "swish", clamp=1.0)
        assert all(each.isfinite().all() for each in (y, *torch.autograd.grad(y.sum(), (x, bias))))
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("activation", ["linear", "relu", "lrelu"])
def test_the_gradient_is_zero_at_a_clamp_that_the_dtype_cannot_represent(implementation: str, activation: str, dtype: torch.dtype) -> None:
    x = torch.tensor([[2.0, -9.0, 0.25]], device=get_device(implementation), dtype=dtype).requires_grad_()
    y = bias_act(x, None, activation, gain=1.0, clamp=0.7)
    (dx,) = torch.autograd.grad(y.sum(), x)
    assert dx.tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize("activation", FORMULAS)
def test_large_inputs_give_finite_results_and_slopes(implementation: str, activation: str) -> None:
    x = torch.tensor([[-1e4, 1e4, -90.0, 90.0]], device=get_device(implementation)).requires_grad_()
    y = bias_act(x, None, activation, gain=1.0)
    (dx,) = torch.autograd.grad(y.sum(), x)
    ends = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "elu": (-1.0, 90.0), "selu": (-SELU[0] * SELU[1], SELU[0] * 90)}
    low, high = ends.get(activation, ({"linear": -90.0, "lrelu": -18.0}.get(activation, 0.0), 90.0))
    assert y[0, 2:].tolist() == pytest.approx([low, high], abs=1e-5)
    assert y.isfinite().all()
    assert dx.isfinite().all()


@pytest.mark.parametrize("activation", ["tanh", "elu", "selu", "softplus", "swish"])
def test_small_results_keep_their_digits(implementation: str, activation: str) -> None:
    values = torch.tensor([-1e-6, 1e-6, -1e-3, -0.0101, -0.1, 0.17, -0.349, -0.351, 0.4, -4.0, -4.61])
    values = torch.cat([values, torch.tensor([-12.0, -25.0])]) if activation == "softplus" else values
    found = bias_act(values[None].to(get_device(implementation)), None, activation, gain=1.0)[0].cpu()
    z = values.double()
    exact = {"tanh": z.tanh(), "softplus": z.exp().log1p(), "swish": z * z.sigmoid()}
    below = torch.where(z > 0, z, (SELU[1] if activation == "selu" else 1) * z.expm1()) * (SELU[0] if activation == "selu" else 1)
    torch.testing.assert_close(found.double(), exact.get(activation, below), rtol=2e-6, atol=0)


@pytest.mark.parametrize("clamp", [None, 1.0])
@pytest.mark.parametrize("activation", FORMULAS)
def test_nan_is_not_hidden(implementation: str, activation: str, clamp: float | None) -> None:
    x = torch.tensor([[math.nan, 1.0]], device=get_device(implementation))
    assert bias_act(x, None, activation, clamp=clamp).isnan().tolist() == [[True, False]]


def test_results_are_bitwise_reproducible(implementation: str) -> None:
    x, bias = make_numbers(3, 40, 9, 9, implementation=implementation), make_numbers(40, implementation=implementation, odd=True)
    first, second = (torch.autograd.grad(bias_act(x, bias, "swish").sum(), (x, bias)) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@needs_golden
@pytest.mark.parametrize("memory_format", LAYOUTS)
def test_values_and_gradients_equal_those_of_the_original_code(implementation: str, memory_format: torch.memory_format) -> None:
    records = list(load_cases("ops_bias_act"))
    assert len(records) == 24 or INTERPRETED
    for case in records:
        inputs = {name: each.to(get_device(implementation)) for name, each in case.inputs.items() if each is not None}
        options = {name: value for name, value in case.args.items() if name not in {"act", "b"}}
        x = inputs["x"] * 3
        x = (x.contiguous(memory_format=memory_format) if x.ndim == 4 else x).requires_grad_()
        bias = inputs["b"].requires_grad_() if "b" in inputs else None
        found: dict[str, Tensor | None] = {"y": (y := bias_act(x, bias, case.args["act"], **options))}
        if bias is not None:
            gy = inputs["gy"].requires_grad_()
            dx, db = torch.autograd.grad((y * gy).sum(), (x, bias), create_graph=True)
            found |= {"dx": dx, "db": db}
            if "vx" in inputs:
                total = (dx * inputs["vx"]).sum() + (db * inputs["vb"]).sum()
                found |= dict(zip(("ggy", "ggx", "ggb"), torch.autograd.grad(total, (gy, x, bias), allow_unused=True), strict=True))
        assert found.keys() >= case.expected.keys()
        for name, value in found.items():
            if name in case.expected:
                assert value is not None, (case.id, name)
                case.assert_near(name, value)
            else:
                assert value is None or not value.any(), (case.id, name)


@needs_triton
def test_triton_kernels_of_other_operators_can_use_the_activation() -> None:
    from ops.activation_kernel import store_result_and_slope

    z = torch.tensor([-8.0, -1.0, 1.0, 2.0], device=get_device("triton"))
    found = z.new_empty(2, 4)
    store_result_and_slope[(1,)](z, found, "lrelu", 4)
    torch.testing.assert_close(found.cpu(), torch.tensor([[-2.0, -0.3, 1.5, 2.0], [0.0, 0.3, 1.5, 0.0]]))


@pytest.mark.slow
@pytest.mark.skipif(ON_GPU or INTERPRETED, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_in_interpreter(__file__)
