"""UpsampleConv equals upsampling and then a convolution, in values and in derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import SpecError
from i2ikit.nn import UpsampleConv
from i2ikit.nn.upsample_conv import upsample_conv

SIZES = [(2, 2), (2, 5), (7, 3), (8, 8)]


def upsample_then_convolve(maps: Tensor, weight: Tensor, bias: Tensor, reflect: bool) -> Tensor:
    padded = F.pad(F.interpolate(maps, scale_factor=2.0), (2,) * 4, mode="reflect" if reflect else "constant")
    return F.conv2d(padded, weight, bias)


def make_inputs(size: tuple[int, int], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(2)
    shapes = [(2, 3, *size), (4, 3, 5, 5), (4,)]
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reflect", [True, False])
def test_values_and_gradients_equal_upsampling_then_convolution(size: tuple[int, int], reflect: bool) -> None:
    inputs = make_inputs(size)
    found, expected = upsample_conv(*inputs, reflect=reflect), upsample_then_convolve(*inputs, reflect)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weights = torch.randn(expected.shape, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), inputs), torch.autograd.grad((expected * weights).sum(), inputs), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    with torch.no_grad():
        torch.testing.assert_close(upsample_conv(*inputs, reflect=reflect), expected, rtol=0, atol=1e-12)


def test_upsample_conv_is_differentiable_twice() -> None:
    inputs = [tensor.detach().requires_grad_() for tensor in make_inputs((2, 3))]
    inputs = [
        inputs[0][:1, :2].detach().requires_grad_(),
        inputs[1][:1, :2].detach().requires_grad_(),
        inputs[2][:1].detach().requires_grad_(),
    ]
    assert torch.autograd.gradgradcheck(lambda *each: upsample_conv(*each, reflect=True), inputs)


@pytest.mark.parametrize("pad", ["reflect", "zero"])
def test_block_has_the_weights_of_a_5x5_convolution_and_a_layer_norm(pad: Any) -> None:
    block, maps = UpsampleConv(3, 4, pad=pad), torch.randn(2, 3, 6, 4)
    assert {name: tuple(value.shape) for name, value in block.state_dict().items()} == {
        "conv.weight": (4, 3, 5, 5),
        "conv.bias": (4,),
        "norm.gamma": (4,),
        "norm.beta": (4,),
    }
    assert block.norm is not None
    assert block.conv.bias is not None
    expected = F.relu(block.norm(upsample_then_convolve(maps, block.conv.weight, block.conv.bias, pad == "reflect")))
    torch.testing.assert_close(block(maps), expected, rtol=1e-4, atol=1e-5)


def test_error_for_maps_too_small_for_reflection_padding_names_their_size() -> None:
    with pytest.raises(SpecError, match="Maps of 2 x 8 pixels are too small"):
        UpsampleConv(1, 1)(torch.zeros(1, 1, 1, 4))
