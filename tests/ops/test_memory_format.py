"""The memory format of maps, and how large they may be for the kernels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2ikit import nn, ops
from i2ikit.ops.memory_format import get_memory_format
from i2ikit.ops.upfirdn.register import can_use_kernel

MAPS = torch.randn(2, 8, 6, 7).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("maps", [MAPS[:, :, 1:-1, 1:-1], MAPS[:, 2:5], MAPS[:, :, :, 1:], MAPS[:1, :, 2:]])
def test_a_crop_of_maps_in_channels_last_keeps_their_memory_format(maps: Tensor) -> None:
    assert ops.bias_act(maps).is_contiguous(memory_format=torch.channels_last)
    assert ops.upfirdn(maps, ops.fir_filter([1, 2, 1]), padding=1).is_contiguous(memory_format=torch.channels_last)


def test_expanded_and_transposed_maps_count_as_contiguous() -> None:
    for maps in (MAPS[:1].expand(2, -1, -1, -1), MAPS[:, :, :1].expand(-1, -1, 6, -1), MAPS.transpose(2, 3), MAPS[:, :1, 1:-1]):
        assert get_memory_format(maps) is torch.contiguous_format


def test_the_limit_of_32_bit_offsets_is_per_plane_or_in_channels_last_per_image() -> None:
    wide = torch.empty(1, 4096, 1024, 1024, device="meta")
    arguments = (torch.empty(3, 3, device="meta"), (1, 1), (1, 1), (1, 1, 1, 1))
    assert can_use_kernel(wide, *arguments)
    assert not can_use_kernel(wide.contiguous(memory_format=torch.channels_last), *arguments)


def test_layers_with_filters_can_be_built_on_meta() -> None:
    with torch.device("meta"):
        layers = (nn.Blur(), nn.Upsample(), nn.ModulatedConv(3, 4, 3), nn.FusedLeakyReLU(3, clamp=0.5))
    assert layers[0](torch.zeros(1, 3, 6, 6, device="cpu")).shape == (1, 3, 6, 6)
