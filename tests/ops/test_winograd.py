"""Winograd convolutions: values and gradients equal those of torch, and small convolutions run torch's own."""

from __future__ import annotations

import functools

import pytest
import torch
from torch.nn import functional as F

from i2ikit.nn import Conv2d
from i2ikit.ops import winograd
from i2ikit.ops.winograd import conv3x3, is_winograd_faster

SIZES = [(2, 3, 5, 9, 14), (1, 2, 2, 6, 6), (3, 4, 1, 3, 5), (1, 1, 1, 3, 3), (2, 2, 3, 11, 10)]


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "MIN_CHANNELS", 1)
    monkeypatch.setattr(winograd, "MIN_AREA", 1)
    monkeypatch.setattr(winograd, "TILES_PER_BAND", 4)


def make_inputs(batch: int, inputs: int, outputs: int, height: int, width: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((batch, inputs, height, width), (outputs, inputs, 3, 3), (outputs,))
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients_equal_those_of_torch(size: tuple[int, int, int, int, int]) -> None:
    inputs = make_inputs(*size)
    assert is_winograd_faster(*inputs[:2])
    found, expected = conv3x3(*inputs), F.conv2d(*inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    grad = torch.randn_like(expected)
    for one, other in zip(torch.autograd.grad(found, inputs, grad), torch.autograd.grad(expected, inputs, grad), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.usefixtures("any_size")
def test_gradients_have_gradients() -> None:
    inputs = make_inputs(1, 2, 2, 7, 5)
    for reflect in (False, True):
        convolve = functools.partial(conv3x3, pad=(1, 2), reflect=reflect)
        assert torch.autograd.gradcheck(convolve, inputs)
        assert torch.autograd.gradgradcheck(convolve, inputs)


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("needed", [0, 1])
def test_either_x_or_weight_may_need_no_gradient(needed: int) -> None:
    inputs = make_inputs(1, 2, 3, 8, 8)
    inputs[1 - needed].requires_grad_(requires_grad=False)
    grad = torch.ones(1, 3, 6, 6, dtype=torch.float64)
    (found,) = torch.autograd.grad(conv3x3(*inputs), inputs[needed], grad)
    (expected,) = torch.autograd.grad(F.conv2d(*inputs), inputs[needed], grad)
    torch.testing.assert_close(found, expected)


def test_float32_stays_near_the_exact_values() -> None:
    x, weight, _ = (each.detach() for each in make_inputs(1, 128, 128, 34, 34, torch.float32))
    assert is_winograd_faster(x, weight)
    exact = F.conv2d(x.double(), weight.double())
    assert (conv3x3(x, weight) - exact).abs().max() <= 2e-5 * exact.abs().max()


def test_the_algorithm_does_not_depend_on_the_number_of_images() -> None:
    x, weight, bias = (each.detach() for each in make_inputs(3, 96, 96, 34, 34, torch.float32))
    assert is_winograd_faster(x, weight)
    assert is_winograd_faster(x[:1], weight)
    torch.testing.assert_close(conv3x3(x, weight, bias)[1:2], conv3x3(x[1:2], weight, bias), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("other", ["small", "narrow", "half", "autocast", "channels_last"])
def test_torch_s_own_convolution_runs_where_it_is_faster(other: str) -> None:
    x, weight, bias = (each.detach() for each in make_inputs(1, 96, 96, 18 if other == "small" else 34, 34, torch.float32))
    if other == "narrow":
        x, weight = x[:, :48].contiguous(), weight[:, :48]
    if other == "half":
        x, weight, bias = x.bfloat16(), weight.bfloat16(), bias.bfloat16()
    if other == "channels_last":
        x = x.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=other == "autocast"):
        assert not is_winograd_faster(x, weight)
        assert torch.equal(conv3x3(x, weight, bias), F.conv2d(x, weight, bias))


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize(
    "options",
    [
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": (1, 2)},
        {"bias": False},
        {"padding": "same"},
        {"padding": 1, "padding_mode": "replicate"},
    ],
)
def test_the_module_pads_like_torch_s(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    found = Conv2d(2, 3, 3, **options).double()
    plain = torch.nn.Conv2d(2, 3, 3, **options).double()
    plain.load_state_dict(found.state_dict())
    x = torch.randn(2, 2, 7, 10, dtype=torch.float64)
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    torch.testing.assert_close(found(one), plain(other), rtol=0, atol=1e-11)
    found(one).square().sum().backward()
    plain(other).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("any_size")
@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"groups": 2}])
def test_the_module_runs_other_convolutions_with_torch(options: dict[str, int]) -> None:
    found = Conv2d(2, 4, 3, **options)
    x = torch.randn(1, 2, 9, 9)
    assert torch.equal(found(x), F.conv2d(x, found.weight, found.bias, **options))


def test_torch_s_own_convolution_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = (each.detach() for each in make_inputs(1, 96, 96, 34, 34, torch.float32))
    monkeypatch.setenv("I2IKIT_OPS", "reference")
    assert not is_winograd_faster(x, weight)
    assert torch.equal(conv3x3(x, weight, bias), F.conv2d(x, weight, bias))


def test_it_works_with_torch_func() -> None:
    x, weight, _ = (each.detach() for each in make_inputs(2, 96, 96, 34, 34, torch.float32))
    mapped = torch.func.vmap(lambda image: conv3x3(image[None], weight)[0])(x)
    torch.testing.assert_close(mapped, F.conv2d(x, weight), rtol=1e-4, atol=1e-3)
    slope = torch.func.grad(lambda image: conv3x3(image, weight).sum())(x)
    assert slope.shape == x.shape
