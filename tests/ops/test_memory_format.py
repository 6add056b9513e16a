"""The order of maps in memory, and how large they may be for the kernels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from i2ikit import nn, ops
from i2ikit.ops.memory_format import memory_format
from i2ikit.ops.upfirdn.register import fits

MAPS = torch.randn(2, 8, 6, 7).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("maps", [MAPS[:, :, 1:-1, 1:-1], MAPS[:, 2:5], MAPS[:, :, :, 1:], MAPS[:1, :, 2:]])
def test_a_part_of_maps_in_channels_last_keeps_their_order(maps: Tensor) -> None:
    assert ops.bias_act(maps).is_contiguous(memory_format=torch.channels_last)
    assert ops.upfirdn(maps, ops.fir_filter([1, 2, 1]), padding=1).is_contiguous(memory_format=torch.channels_last)


def test_expanded_and_turned_maps_have_no_order_of_their_own() -> None:
    for maps in (MAPS[:1].expand(2, -1, -1, -1), MAPS[:, :, :1].expand(-1, -1, 6, -1), MAPS.transpose(2, 3), MAPS[:, :1, 1:-1]):
        assert memory_format(maps) is torch.contiguous_format


def test_many_channels_of_contiguous_maps_are_counted_by_the_plane() -> None:
    wide = torch.empty(1, 4096, 1024, 1024, device="meta")
    step = (torch.empty(3, 3, device="meta"), (1, 1), (1, 1), (1, 1, 1, 1))
    assert fits(wide, *step)
    assert not fits(wide.contiguous(memory_format=torch.channels_last), *step)


def test_layers_with_filters_are_built_on_meta() -> None:
    with torch.device("meta"):
        layers = (nn.Blur(), nn.Upsample(), nn.ModulatedConv(3, 4, 3), nn.FusedLeakyReLU(3, clamp=0.5))
    assert layers[0](torch.zeros(1, 3, 6, 6, device="cpu")).shape == (1, 3, 6, 6)
