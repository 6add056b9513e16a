"""FusedLeakyReLU, EqualLinear and ModulatedConv against the formulas of their papers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import ops
from i2ikit.nn import EqualLinear, FusedLeakyReLU, ModulatedConv


def make_tensor(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_()


def assert_same_values_and_gradients(y: Tensor, expected: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(y, expected)
    grad = make_tensor(*y.shape, 1)[..., 0].detach()
    for one, other in zip(torch.autograd.grad(y, inputs, grad), torch.autograd.grad(expected, inputs, grad), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 7)])
def test_fused_leaky_relu_adds_bias_activates_multiplies_and_clamps(shape: tuple[int, ...]) -> None:
    layer, maps = FusedLeakyReLU(3, clamp=1.0).double(), make_tensor(*shape)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    bias = layer.bias.view(1, 3, *[1] * (len(shape) - 2))
    expected = (2**0.5 * F.leaky_relu(maps + bias, 0.2)).clamp(-1, 1)
    assert_same_values_and_gradients(layer(maps), expected, [maps, layer.bias])


def test_fused_leaky_relu_adds_one_plane_of_noise_to_all_channels() -> None:
    layer, maps, noise = FusedLeakyReLU(3, slope=0.1, gain=1.0).double(), make_tensor(2, 3, 4, 5), make_tensor(2, 1, 4, 5)
    assert_same_values_and_gradients(layer(maps, noise), F.leaky_relu(maps + noise, 0.1), [maps, noise])


@pytest.mark.parametrize("activation", [None, "lrelu"])
def test_equal_linear_scales_its_stored_weights(activation: Any) -> None:
    layer, vectors = EqualLinear(6, 4, bias=0.5, activation=activation, lr_multiplier=0.01).double(), make_tensor(2, 3, 6)
    z = vectors @ (layer.weight * 0.01 / 6**0.5).T + layer.bias * 0.01
    expected = z if activation is None else 2**0.5 * F.leaky_relu(z, 0.2)
    assert_same_values_and_gradients(layer(vectors), expected, [vectors, layer.weight, layer.bias])
    torch.testing.assert_close(layer.bias * 0.01, torch.full((4,), 0.5, dtype=torch.float64))


def test_initial_equal_linear_outputs_have_unit_variance_for_any_lr_multiplier() -> None:
    torch.manual_seed(0)
    for lr_multiplier in (1.0, 0.01):
        assert EqualLinear(512, 512, lr_multiplier=lr_multiplier)(torch.randn(64, 512)).var().item() == pytest.approx(1, abs=0.05)


def modulate_by_hand(layer: ModulatedConv, maps: Tensor, scales: Tensor, *, demodulate: bool = True) -> Tensor:
    """Convolve each image with its own weights, as in equations 1 and 3."""
    weight = layer.weight * layer.scale
    images = []
    for image, each in zip(maps, scales, strict=True):
        own = weight * each[:, None, None]
        if demodulate:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        images.append(F.conv2d(image[None], own, padding=weight.shape[-1] // 2))
    return torch.cat(images)


@pytest.mark.parametrize("equalized", [True, False])
@pytest.mark.parametrize("demodulate", [True, False])
def test_modulated_convolution_scales_weights_by_the_affine_layer_of_the_style(demodulate: bool, equalized: bool) -> None:
    layer = ModulatedConv(3, 4, style=5, demodulate=demodulate, equalized=equalized).double()
    maps, style = make_tensor(2, 3, 6, 5), make_tensor(2, 5)
    scales = style @ layer.affine.weight.T / 5**0.5 + layer.affine.bias
    expected = modulate_by_hand(layer, maps, scales, demodulate=demodulate)
    assert_same_values_and_gradients(layer(maps, style), expected, [maps, style, layer.weight, layer.affine.weight])


def test_without_affine_layer_the_style_contains_the_scales() -> None:
    layer, maps, scales = ModulatedConv(3, 4).double(), make_tensor(2, 3, 6, 5), make_tensor(2, 3)
    assert_same_values_and_gradients(layer(maps, scales), modulate_by_hand(layer, maps, scales), [maps, scales, layer.weight])


def test_complete_layer_adds_scaled_noise_and_bias_and_activates() -> None:
    layer = ModulatedConv(3, 4, noise=True, bias=True, activation="lrelu", clamp=2.0).double()
    with torch.no_grad():
        layer.strength.fill_(0.3)
        layer.bias.copy_(torch.arange(4.0))
    maps, scales, noise = make_tensor(2, 3, 6, 5), make_tensor(2, 3), make_tensor(2, 1, 6, 5)
    z = modulate_by_hand(layer, maps, scales) + 0.3 * noise + layer.bias[:, None, None]
    expected = (2**0.5 * F.leaky_relu(z, 0.2)).clamp(-2, 2)
    torch.testing.assert_close(layer(maps, scales, noise), expected)
    without_noise = (2**0.5 * F.leaky_relu(z - 0.3 * noise, 0.2)).clamp(-2, 2)
    torch.testing.assert_close(layer(maps, scales), without_noise)
    assert torch.autograd.grad(layer(maps, scales, noise).sum(), layer.strength)[0] != 0


def test_to_rgb_layer_has_a_bias_and_does_not_demodulate() -> None:
    layer = ModulatedConv(5, 3, 1, style=4, demodulate=False, bias=True).double()
    maps, style = make_tensor(2, 5, 4, 4), make_tensor(2, 4)
    scales = style @ layer.affine.weight.T / 2 + 1
    expected = torch.einsum("bihw,oi,bi->bohw", maps, layer.weight[..., 0, 0] / 5**0.5, scales)
    torch.testing.assert_close(layer(maps, style), expected)


def test_upsampling_layer_equals_upsampling_then_convolution() -> None:
    layer, maps, scales = ModulatedConv(3, 4, up=2).double(), make_tensor(2, 3, 6, 5), make_tensor(2, 3)
    large = ops.upfirdn(maps, layer.fir, up=2, padding=(2, 1, 2, 1), gain=4.0)
    flipped = copy.deepcopy(layer)
    with torch.no_grad():
        flipped.weight.copy_(layer.weight.flip((2, 3)))  # the original code convolves here and correlates elsewhere
    torch.testing.assert_close(layer(maps, scales)[:, :, 3:-3, 3:-3], modulate_by_hand(flipped, large, scales)[:, :, 3:-3, 3:-3])


def test_layers_print_their_options() -> None:
    assert "demodulate=True, up=2" in repr(ModulatedConv(3, 4, up=2))
    assert "slope=0.2" in repr(FusedLeakyReLU(3))
    assert "lr_multiplier=0.01" in repr(EqualLinear(3, 4, lr_multiplier=0.01))
