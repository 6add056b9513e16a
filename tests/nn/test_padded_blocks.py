"""Padded convolutions, the encoder and decoder of UNIT and MUNIT, and the multi-scale discriminator."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from i2ikit import ImageSpec
from i2ikit.errors import OptionError, SpecError
from i2ikit.nn import ConvEncoder, Decoder, MultiscaleDiscriminator, PaddedConv, init_kaiming


@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (5, 1), (3, 1), (4, 2)])
@pytest.mark.parametrize("pad", ["reflect", "zero"])
def test_padded_conv_pads_and_divides_the_size_by_its_stride(kernel: int, stride: int, pad: Any) -> None:
    block, maps = PaddedConv(3, 5, kernel, stride=stride, pad=pad, activation=None), torch.randn(2, 3, 12, 16)
    margin = (kernel - stride + 1) // 2
    padded = F.pad(maps, (margin,) * 4, mode="reflect" if pad == "reflect" else "constant")
    expected = F.conv2d(padded, block.conv.weight, block.conv.bias, stride)
    torch.testing.assert_close(block(maps), expected)
    assert block(maps).shape == (2, 5, 12 // stride, 16 // stride)


@pytest.mark.parametrize("norm", ["none", "instance", "layer"])
@pytest.mark.parametrize(("activation", "function"), [("relu", F.relu), ("lrelu", lambda x: F.leaky_relu(x, 0.2)), ("tanh", torch.tanh)])
def test_norm_and_activation_follow_the_convolution(norm: Any, activation: Any, function: Any) -> None:
    if norm == "instance" and activation == "tanh":
        with pytest.raises(OptionError, match='norm "instance" does not support the activation "tanh"'):
            PaddedConv(3, 5, 3, norm=norm, activation=activation)
        return
    block, maps = PaddedConv(3, 5, 3, norm=norm, activation=activation), torch.randn(2, 3, 8, 8)
    expected = F.conv2d(F.pad(maps, (1,) * 4, mode="reflect"), block.conv.weight, block.conv.bias)
    if norm == "instance":
        expected = F.instance_norm(expected)
    if norm == "layer":
        assert block.norm is not None
        expected = block.norm(expected)
    torch.testing.assert_close(block(maps), function(expected), rtol=1e-4, atol=1e-5)


def test_multiscale_discriminator_has_second_derivatives() -> None:
    discriminator = MultiscaleDiscriminator(ImageSpec(3, 16, 16), width=2, depth=2).double()
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(sum(score.sum() for score in discriminator(image).scores), image, create_graph=True)
    gradient.square().sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in discriminator.parameters() if p.grad is not None)
    assert float(discriminator.scales[0].layers[0].conv.weight.grad.abs().sum()) > 0


def test_errors_for_too_small_maps_and_unknown_padding_name_them() -> None:
    with pytest.raises(SpecError, match="Maps of 3 x 9 pixels are too small"):
        PaddedConv(1, 1, 7)(torch.zeros(1, 1, 3, 9))
    with pytest.raises(OptionError, match=r'No padding is called "reflekt". Did you mean "reflect"'):
        PaddedConv(1, 1, 7, pad="reflekt")  # type: ignore[arg-type]


@pytest.mark.parametrize("downsamples", [0, 1, 3])
def test_decoder_restores_the_size_that_the_encoder_reduces(downsamples: int) -> None:
    encoder = ConvEncoder(3, width=4, downsamples=downsamples, blocks=1)
    maps = encoder(torch.rand(1, 3, 32, 48))
    assert maps.shape == (1, encoder.channels, 32 // encoder.stride, 48 // encoder.stride)
    assert Decoder(encoder.channels, 2, upsamples=downsamples)(maps).shape == (1, 2, 32, 48)


@pytest.mark.parametrize(("size", "scales"), [((256, 256), 3), ((64, 64), 3), ((32, 96), 2), ((16, 16), 1)])
def test_multiscale_discriminator_has_three_scales_or_fewer_for_small_images(size: tuple[int, int], scales: int) -> None:
    discriminator = MultiscaleDiscriminator(ImageSpec(3, *size), width=1)
    output = discriminator(torch.zeros(1, 3, *size))
    assert [tuple(score.shape[2:]) for score in output.scores] == [(size[0] >> 4 + i, size[1] >> 4 + i) for i in range(scales)]
    assert [len(maps) for maps in output.features] == [4] * scales


def test_error_for_too_many_scales_names_the_minimum_size() -> None:
    with pytest.raises(OptionError, match=r"depth=4 and scales=3 does not fit image \[3, 32, 32\]\. Use sides of at least 64 pixels"):
        MultiscaleDiscriminator(ImageSpec(3, 32, 32), scales=3)
    with pytest.raises(OptionError, match="must be at least 1; found width=64, depth=0"):
        MultiscaleDiscriminator(ImageSpec(3, 32, 32), depth=0)


def test_init_kaiming_preserves_the_second_moment_through_relus() -> None:
    torch.manual_seed(0)
    net = init_kaiming(torch.nn.Sequential(*(layer for _ in range(4) for layer in (torch.nn.Linear(512, 512), torch.nn.ReLU()))))
    assert float(net(torch.randn(256, 512)).square().mean().detach()) == pytest.approx(1, abs=0.3)
    assert not any(bool(p.any()) for name, p in net.named_parameters() if name.endswith("bias"))
