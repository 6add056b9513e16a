"""Blur, Upsample and Downsample: outputs of the original code, paddings and gains."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ops.golden import load_cases, needs_golden
from torch import Tensor
from torch.nn import functional as F

from i2ikit.errors import OptionError
from i2ikit.nn import Blur, Downsample, Upsample

LAYERS = {"filter2d": Blur, "upsample2d": Upsample, "downsample2d": Downsample}


@needs_golden
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("op", LAYERS)
def test_layers_equal_the_wrappers_of_the_original_code(op: str, order: torch.memory_format) -> None:
    num_cases = 0
    for case in load_cases("ops_resample_wrappers", op):
        options: dict[str, Any] = {"flip" if key == "flip_filter" else key: value for key, value in case.args.items() if key != "filter"}
        fir = case.inputs["f"]
        layer = LAYERS[op](fir, **options)
        if fir.ndim == 1:  # the recorded filter has one axis, whatever its length
            layer.fir = fir / fir.sum()
        x = case.inputs["x"].contiguous(memory_format=order).requires_grad_()
        y = layer(x) * fir.sum() ** (2 if fir.ndim == 1 else 1)  # a layer normalises its taps
        assert y.is_contiguous(memory_format=order)
        case.assert_near("y", y)
        case.assert_near("dx", torch.autograd.grad(y, x, case.make_gradient(y))[0])
        num_cases += 1
    assert num_cases


@pytest.mark.parametrize("taps", [(1, 2, 1), (1, 3, 3, 1), (1, 4, 6, 4, 1), (1, 8, 28, 56, 70, 56, 28, 8, 1)])
def test_constant_maps_keep_their_value_and_sizes_are_multiplied_by_the_factor(taps: tuple[float, ...]) -> None:
    maps = torch.full((1, 2, 40, 48), 3.0)
    for layer, size in ((Blur(taps), (40, 48)), (Upsample(taps), (80, 96)), (Downsample(taps), (20, 24))):
        y = layer(maps)
        assert y.shape[2:] == size
        torch.testing.assert_close(y[:, :, 9:-9, 9:-9], torch.full_like(y[:, :, 9:-9, 9:-9], 3.0))


def test_factors_and_paddings_are_in_the_order_x_y() -> None:
    maps = torch.zeros(1, 1, 4, 6)
    assert Upsample(up=(2, 1))(maps).shape[2:] == (4, 12)
    assert Downsample(down=(1, 2))(maps).shape[2:] == (2, 6)
    assert Blur(padding=(1, 0))(maps).shape[2:] == (4, 8)
    assert Blur(padding=(0, -1, 2, 0))(maps).shape[2:] == (6, 5)


def test_gain_multiplies_and_flip_correlates() -> None:
    maps = torch.randn(1, 2, 7, 8, dtype=torch.float64)
    taps = torch.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 0.0], [3.0, 5.0, 0.0]])
    weight = (taps / taps.sum()).double().expand(2, 1, 3, 3)
    expected = F.conv2d(F.pad(maps, (1, 1, 1, 1)), weight, groups=2)
    torch.testing.assert_close(Blur(taps, gain=2.5, flip=True)(maps), 2.5 * expected, rtol=1e-6, atol=1e-6)
    convolved = F.conv2d(F.pad(maps, (1, 1, 1, 1)), weight.flip((2, 3)), groups=2)
    torch.testing.assert_close(Blur(taps)(maps), convolved, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), tuple(range(1, 10))])
def test_skip_is_added_to_the_resampled_maps(taps: tuple[float, ...]) -> None:
    def image(*shape: int) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), requires_grad=True)

    maps, skip, layer = image(2, 3, 6, 8), image(2, 3, 12, 16), Upsample(taps)
    y = layer(maps, skip)
    torch.testing.assert_close(y, layer(maps) + skip)
    grads = torch.autograd.grad(y.square().sum(), (maps, skip))
    expected = torch.autograd.grad((layer(maps) + skip).square().sum(), (maps, skip))
    for one, other in zip(grads, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_filter_follows_the_layers_dtype_and_is_not_saved() -> None:
    layer = Upsample()
    assert layer.state_dict() == {}
    assert layer.to(torch.float64).fir.dtype == torch.float64
    assert layer(torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_error_for_a_factor_of_zero_names_layer_argument_and_value() -> None:
    with pytest.raises(OptionError, match=r"Upsample: up is 0;"):
        Upsample(up=0)
