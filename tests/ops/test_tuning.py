"""Blocks are the usual ones, or where it is asked for, the fastest, measured once."""

from __future__ import annotations

import pytest
import torch
from ops.interpreted import INTERPRETED, ON_GPU, device_of, needs_triton, run_again

from i2ikit import ops
from i2ikit.ops import tuning

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_found", {})


def test_without_being_asked_the_usual_block_runs_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2IKIT_AUTOTUNE", raising=False)
    launched: list[str] = []
    assert tuning.fastest("key", CPU, ["usual", "other"], launched.append) == "usual"
    assert launched == []


def test_the_fastest_block_is_found_once_for_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    measured: list[list[str]] = []

    def medians(calls: dict[str, object], device: torch.device, *, rounds: int) -> dict[str, float]:
        measured.append(list(calls))
        return {"0": 3.0, "1": 1.0, "2": 2.0}

    monkeypatch.setattr(tuning, "medians", medians)
    for _ in range(2):
        assert tuning.fastest("key", CPU, ["usual", "fast", "slow"], lambda block: None) == "fast"
    assert measured == [["0", "1", "2"]]
    assert tuning.fastest("other key", CPU, ["usual", "fast", "slow"], lambda block: None) == "fast"
    assert len(measured) == 2


@needs_triton
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_triton_blocks_that_are_tried_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch, order: torch.memory_format) -> None:
    from i2ikit.ops.upfirdn import kernel

    monkeypatch.setenv("I2IKIT_OPS", "triton")
    x = torch.randn(1, 3, 5, 7).to(device_of("triton")).contiguous(memory_format=order)
    fir = ops.fir_filter([1, 3, 3, 1]).to(x.device)
    wanted, tried = ops.upfirdn(x, fir, up=2, padding=(2, 1, 2, 1)), []
    for index in range(5):

        def chosen(key: object, device: torch.device, blocks: list[object], launch: object, index: int = index) -> object:
            tried.append(blocks[min(index, len(blocks) - 1)])
            return tried[-1]

        monkeypatch.setattr(kernel, "fastest", chosen)
        assert torch.equal(ops.upfirdn(x, fir, up=2, padding=(2, 1, 2, 1)), wanted)
    assert len({str(each) for each in tried}) >= 4


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_again(__file__)
