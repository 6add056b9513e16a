"""Norms against the formulas of their papers, torch's norms, and outputs of the original codes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.golden import load_cases, needs_golden
from torch import Tensor, nn
from torch.nn import functional as F

from i2ikit.errors import SpecError
from i2ikit.nn import AdaIN, ConvBlock, InstanceNorm, LayerNorm, ResidualBlock


def make_maps(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return (3 * torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape))) + 1).requires_grad_()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_instance_norm_output_is_the_same_in_training_and_evaluation(training: bool, track: bool, order: torch.memory_format) -> None:
    maps = make_maps(2, 4, 5, 6, dtype=torch.float32).contiguous(memory_format=order)
    norm = InstanceNorm(4, track=track).train(training)
    with torch.no_grad():
        norm.weight.mul_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        norm.bias.add_(0.5)
    y = norm(maps)
    assert y.is_contiguous(memory_format=order)
    torch.testing.assert_close(y, nn.functional.instance_norm(maps, weight=norm.weight, bias=norm.bias, eps=1e-5))


def test_running_statistics_equal_torchs_in_training_and_are_fixed_in_evaluation() -> None:
    maps, own, original = (
        3 * torch.randn(2, 4, 5, 6) + 1,
        InstanceNorm(4, track=True),
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    )
    for _ in range(2):
        torch.testing.assert_close(own(maps), original(maps))
    own.eval()(maps)
    assert own.state_dict().keys() == original.state_dict().keys()
    torch.testing.assert_close(own.state_dict(), original.state_dict())


def test_norms_without_affine_have_no_parameters() -> None:
    assert not list(InstanceNorm(4, affine=False).parameters())
    assert not list(LayerNorm(4, affine=False).parameters())
    assert not list(AdaIN(4).parameters())


def test_running_statistics_stay_in_float32_under_autocast() -> None:
    norm, maps = InstanceNorm(4, track=True), (100 + torch.randn(2, 4, 9, 9)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert norm(maps).dtype == torch.bfloat16
    assert norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(norm.running_mean, 0.1 * maps.float().mean((0, 2, 3)), rtol=1e-3, atol=0)


def test_residual_is_added_before_the_activation() -> None:
    maps, residual = make_maps(2, 3, 4, 5), make_maps(2, 3, 4, 5).flip(3)
    normal = F.instance_norm(maps, eps=1e-3)
    for activation, act in ((None, lambda z: z), ("relu", F.relu), ("lrelu", lambda z: F.leaky_relu(z, 0.2))):
        norm = InstanceNorm(3, affine=False, eps=1e-3, activation=activation)
        torch.testing.assert_close(norm(maps, residual), act(normal + residual))


def test_residual_block_adds_two_normalised_convolutions_to_its_input() -> None:
    maps, block = make_maps(2, 3, 6, 5), ResidualBlock(3).double()
    y = block(maps)
    one, two = (nn.Sequential(layer.conv, nn.InstanceNorm2d(3, affine=True)).double() for layer in (block.first, block.second))
    expected = maps + two(F.relu(one(maps)))
    torch.testing.assert_close(y, expected)
    parameters, original = list(block.parameters()), [*one.parameters(), *two.parameters()]
    for found, each in zip(
        torch.autograd.grad(y.pow(3).sum(), parameters), torch.autograd.grad(expected.pow(3).sum(), original), strict=True
    ):
        torch.testing.assert_close(found, each)


def test_conv_block_without_activation_has_negative_outputs() -> None:
    maps = make_maps(1, 2, 4, 4, dtype=torch.float32)
    assert (ConvBlock(2, 3, kernel=3)(maps) >= 0).all()
    assert (ConvBlock(2, 3, kernel=3, active=False)(maps) < 0).any()


def test_adain_affine_layer_computes_scale_minus_one_and_shift() -> None:
    maps, style = make_maps(2, 3, 4, 5), make_maps(2, 7)
    norm = AdaIN(3, 7, eps=1e-3, activation="lrelu").double()
    scales_and_shifts = style @ norm.affine.weight.T + norm.affine.bias
    deviation = (maps.var((2, 3), unbiased=False, keepdim=True) + 1e-3).sqrt()
    normal = (maps - maps.mean((2, 3), keepdim=True)) / deviation
    expected = F.leaky_relu((1 + scales_and_shifts[:, :3, None, None]) * normal + scales_and_shifts[:, 3:, None, None], 0.2)
    y = norm(maps, style)
    torch.testing.assert_close(y, expected)
    inputs = (maps, style, norm.affine.weight)
    for one, other in zip(torch.autograd.grad(y.pow(3).sum(), inputs), torch.autograd.grad(expected.pow(3).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_error_for_a_style_of_the_wrong_shape_names_found_and_expected_shape() -> None:
    for norm, expected in ((AdaIN(3), r"\[2, 6\]"), (AdaIN(3, 8), r"\[2, 8\]")):
        with pytest.raises(SpecError, match=rf"style has shape \[2, 5\].*must be {expected}"):
            norm(torch.zeros(2, 3, 4, 4), torch.zeros(2, 5))


@needs_golden
def test_adain_equals_munits_adain() -> None:
    for case in load_cases("ops_munit_norms", "adain"):
        x = (2 * case.inputs["x"]).requires_grad_()
        w, b = (1 + 0.5 * case.inputs["w"]).requires_grad_(), case.inputs["b"].requires_grad_()
        norm = AdaIN(x.shape[1], eps=case.args["eps"])
        y = norm(x, torch.cat([w.view(x.shape[:2]), b.view(x.shape[:2])], dim=1))
        assert_near(case, y, torch.autograd.grad(y, (x, w, b), case.inputs["gy"]))


@needs_golden
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_layer_norm_equals_munits_layer_norm(order: torch.memory_format) -> None:
    for case in load_cases("ops_munit_norms", "layernorm"):
        norm = LayerNorm(case.args["num_features"], eps=case.args["eps"])
        with torch.no_grad():
            norm.gamma.copy_(1 + 0.5 * case.inputs["w"])
            norm.beta.copy_(case.inputs["b"])
        x = (2 * case.inputs["x"]).contiguous(memory_format=order).requires_grad_()
        y = norm(x)
        assert_near(case, y, torch.autograd.grad(y, (x, norm.gamma, norm.beta), case.inputs["gy"]))


def assert_near(case: Any, y: Tensor, gradients: tuple[Tensor, ...]) -> None:
    for name, value in zip(("y", "dx", "dw", "db"), (y, *gradients), strict=True):
        case.assert_near(name, value)


def test_layer_norm_adds_eps_to_the_unbiased_deviation_of_a_whole_image() -> None:
    maps, norm = make_maps(2, 3, 4, 5), LayerNorm(3, eps=0.1).double()
    flat = maps.flatten(1)
    normal = ((flat - flat.mean(1, keepdim=True)) / (flat.std(1, keepdim=True) + 0.1)).view_as(maps)
    torch.testing.assert_close(norm(maps), normal * norm.gamma[:, None, None] + norm.beta[:, None, None])
    torch.testing.assert_close(LayerNorm(3, affine=False, eps=0.1)(maps), normal)
    assert torch.autograd.gradgradcheck(norm, maps)


def test_layer_norm_of_equal_pixels_has_a_finite_gradient() -> None:
    maps = torch.ones(1, 2, 3, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(LayerNorm(2)(maps).sum(), maps)
    assert grad.isfinite().all()


def test_layer_norm_keeps_the_dtype_and_computes_statistics_in_float32() -> None:
    maps = (100 + torch.randn(1, 4, 9, 9)).bfloat16()
    norm = LayerNorm(4)
    y = norm(maps)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), norm(maps.float()), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_layer_norm_of_large_maps_is_accurate(order: torch.memory_format) -> None:
    maps = torch.randn(1, 64, 160, 160, generator=torch.Generator().manual_seed(0)) + 0.3
    norm = LayerNorm(64, affine=False)
    expected = (maps.double() - maps.double().mean()) / (maps.double().std() + 1e-5)
    assert float((norm(maps.to(memory_format=order)).double() - expected).abs().max()) < 5e-6
