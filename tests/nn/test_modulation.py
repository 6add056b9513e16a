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


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_()


def assert_equal_with_gradients(y: Tensor, wanted: Tensor, given: list[Tensor]) -> None:
    torch.testing.assert_close(y, wanted)
    grad = numbers(*y.shape, 1)[..., 0].detach()
    for one, other in zip(torch.autograd.grad(y, given, grad), torch.autograd.grad(wanted, given, grad), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5), (2, 3, 7)])
def test_fused_leaky_relu_adds_activates_multiplies_and_clamps(shape: tuple[int, ...]) -> None:
    layer, maps = FusedLeakyReLU(3, clamp=1.0).double(), numbers(*shape)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -1.0, 2.0]))
    bias = layer.bias.view(1, 3, *[1] * (len(shape) - 2))
    wanted = (2**0.5 * F.leaky_relu(maps + bias, 0.2)).clamp(-1, 1)
    assert_equal_with_gradients(layer(maps), wanted, [maps, layer.bias])


def test_fused_leaky_relu_adds_one_plane_of_noise_to_all_channels() -> None:
    layer, maps, noise = FusedLeakyReLU(3, slope=0.1, gain=1.0).double(), numbers(2, 3, 4, 5), numbers(2, 1, 4, 5)
    assert_equal_with_gradients(layer(maps, noise), F.leaky_relu(maps + noise, 0.1), [maps, noise])


@pytest.mark.parametrize("activation", [None, "lrelu"])
def test_an_equal_linear_layer_scales_what_it_stores(activation: Any) -> None:
    layer, vectors = EqualLinear(6, 4, bias=0.5, activation=activation, lr_multiplier=0.01).double(), numbers(2, 3, 6)
    z = vectors @ (layer.weight * 0.01 / 6**0.5).T + layer.bias * 0.01
    wanted = z if activation is None else 2**0.5 * F.leaky_relu(z, 0.2)
    assert_equal_with_gradients(layer(vectors), wanted, [vectors, layer.weight, layer.bias])
    torch.testing.assert_close(layer.bias * 0.01, torch.full((4,), 0.5, dtype=torch.float64))


def test_an_equal_linear_layer_begins_with_results_of_unit_variance_at_any_pace() -> None:
    torch.manual_seed(0)
    for lr_multiplier in (1.0, 0.01):
        assert EqualLinear(512, 512, lr_multiplier=lr_multiplier)(torch.randn(64, 512)).var().item() == pytest.approx(1, abs=0.05)


def by_hand(layer: ModulatedConv, maps: Tensor, scales: Tensor, *, demodulate: bool = True) -> Tensor:
    """Convolve each image by weights of its own, as equations 1 and 3 have it."""
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
def test_a_modulated_convolution_scales_weights_by_the_style_s_affine_layer(demodulate: bool, equalized: bool) -> None:
    layer = ModulatedConv(3, 4, style=5, demodulate=demodulate, equalized=equalized).double()
    maps, style = numbers(2, 3, 6, 5), numbers(2, 5)
    scales = style @ layer.affine.weight.T / 5**0.5 + layer.affine.bias
    wanted = by_hand(layer, maps, scales, demodulate=demodulate)
    assert_equal_with_gradients(layer(maps, style), wanted, [maps, style, layer.weight, layer.affine.weight])


def test_without_an_affine_layer_the_style_is_the_scales_themselves() -> None:
    layer, maps, scales = ModulatedConv(3, 4).double(), numbers(2, 3, 6, 5), numbers(2, 3)
    assert_equal_with_gradients(layer(maps, scales), by_hand(layer, maps, scales), [maps, scales, layer.weight])


def test_a_whole_layer_adds_noise_by_its_strength_and_a_bias_and_activates() -> None:
    layer = ModulatedConv(3, 4, noise=True, bias=True, activation="lrelu", clamp=2.0).double()
    with torch.no_grad():
        layer.strength.fill_(0.3)
        layer.bias.copy_(torch.arange(4.0))
    maps, scales, noise = numbers(2, 3, 6, 5), numbers(2, 3), numbers(2, 1, 6, 5)
    z = by_hand(layer, maps, scales) + 0.3 * noise + layer.bias[:, None, None]
    wanted = (2**0.5 * F.leaky_relu(z, 0.2)).clamp(-2, 2)
    torch.testing.assert_close(layer(maps, scales, noise), wanted)
    quiet = (2**0.5 * F.leaky_relu(z - 0.3 * noise, 0.2)).clamp(-2, 2)
    torch.testing.assert_close(layer(maps, scales), quiet)
    assert torch.autograd.grad(layer(maps, scales, noise).sum(), layer.strength)[0] != 0


def test_a_layer_that_draws_colours_has_a_bias_and_does_not_demodulate() -> None:
    layer = ModulatedConv(5, 3, 1, style=4, demodulate=False, bias=True).double()
    maps, style = numbers(2, 5, 4, 4), numbers(2, 4)
    scales = style @ layer.affine.weight.T / 2 + 1
    wanted = torch.einsum("bihw,oi,bi->bohw", maps, layer.weight[..., 0, 0] / 5**0.5, scales)
    torch.testing.assert_close(layer(maps, style), wanted)


def test_an_upsampling_layer_is_a_stuffed_image_convolved_and_blurred() -> None:
    layer, maps, scales = ModulatedConv(3, 4, up=2).double(), numbers(2, 3, 6, 5), numbers(2, 3)
    large = ops.upfirdn(maps, layer.fir, up=2, padding=(2, 1, 2, 1), gain=4.0)
    turned = copy.deepcopy(layer)
    with torch.no_grad():
        turned.weight.copy_(layer.weight.flip((2, 3)))  # the originals convolve here, and correlate elsewhere
    torch.testing.assert_close(layer(maps, scales)[:, :, 3:-3, 3:-3], by_hand(turned, large, scales)[:, :, 3:-3, 3:-3])


def test_layers_print_their_options() -> None:
    assert "demodulate=True, up=2" in repr(ModulatedConv(3, 4, up=2))
    assert "slope=0.2" in repr(FusedLeakyReLU(3))
    assert "lr_multiplier=0.01" in repr(EqualLinear(3, 4, lr_multiplier=0.01))
