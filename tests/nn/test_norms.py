"""Instance norm against torch's own, and against what the originals do with running statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from i2ikit.nn.norms import InstanceNorm


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("track", [True, False])
def test_training_and_use_give_the_same_output(training: bool, track: bool) -> None:
    maps = 3 * torch.randn(2, 4, 5, 6) + 1
    norm = InstanceNorm(4, track=track).train(training)
    with torch.no_grad():
        norm.weight.mul_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        norm.bias.add_(0.5)
    torch.testing.assert_close(norm(maps), nn.functional.instance_norm(maps, weight=norm.weight, bias=norm.bias, eps=1e-5))


def test_running_statistics_are_torchs_own_in_training_and_stand_still_in_use() -> None:
    maps, own, theirs = (
        3 * torch.randn(2, 4, 5, 6) + 1,
        InstanceNorm(4, track=True),
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    )
    for _ in range(2):
        torch.testing.assert_close(own(maps), theirs(maps))
    own.eval()(maps)
    assert own.state_dict().keys() == theirs.state_dict().keys()
    torch.testing.assert_close(own.state_dict(), theirs.state_dict())


def test_without_affine_there_is_nothing_to_learn() -> None:
    assert not list(InstanceNorm(4, affine=False).parameters())


def test_under_autocast_the_statistics_stay_in_single_precision() -> None:
    norm, maps = InstanceNorm(4, track=True), (100 + torch.randn(2, 4, 9, 9)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert norm(maps).dtype == torch.bfloat16
    assert norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(norm.running_mean, 0.1 * maps.float().mean((0, 2, 3)), rtol=1e-3, atol=0)
