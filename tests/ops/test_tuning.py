"""Blocks are the usual ones, or where it is asked for, the fastest, measured once."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from ops.interpreted import INTERPRETED, ON_GPU, device_of, needs_triton, run_again
from torch import Tensor

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

    def medians(calls: dict[str, object], device: torch.device, *, repeats: int) -> dict[str, float]:
        measured.append(list(calls))
        return {"0": 3.0, "1": 1.0, "2": 2.0}

    monkeypatch.setattr(tuning, "medians", medians)
    for _ in range(2):
        assert tuning.fastest("key", CPU, ["usual", "fast", "slow"], lambda block: None) == "fast"
    assert measured == [["0", "1", "2"]]
    assert tuning.fastest("other key", CPU, ["usual", "fast", "slow"], lambda block: None) == "fast"
    assert len(measured) == 2


def test_a_block_that_does_not_run_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    monkeypatch.setattr(tuning, "medians", lambda calls, device, *, repeats: {name: 1.0 / (1 + int(name)) for name in calls})

    def launch(block: str) -> None:
        if block.startswith("too large"):
            raise RuntimeError("out of resource: shared memory")

    assert tuning.fastest("key", CPU, ["usual", "fast", "too large"], launch) == "fast"
    assert tuning.fastest("other key", CPU, ["usual", "too large", "too large too"], launch) == "usual"


def test_running_out_of_memory_in_a_trial_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")

    def launch(block: str) -> None:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        tuning.fastest("key", CPU, ["usual", "other"], launch)


FIR = ops.fir_filter([1, 3, 3, 1])
KERNELS: dict[str, tuple[str, Callable[[Tensor], Tensor], tuple[int, ...], int]] = {
    "upfirdn": ("upfirdn", lambda x: ops.upfirdn(x, FIR.to(x.device), up=2, padding=(2, 1, 2, 1)), (1, 3, 5, 7), 4),
    "bias_act": ("bias_act", lambda x: ops.bias_act(x, x.new_ones(x.shape[1]), "swish"), (2, 3, 5, 7), 3),
    "adain": ("adain", lambda x: ops.adain(x, x.new_ones(x.shape[1]), None, activation="relu"), (2, 5, 16, 9), 2),
    "adain of large maps": ("adain", lambda x: ops.adain(x, None, None), (1, 1, 150, 131), 3),
}


@needs_triton
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", KERNELS)
def test_triton_blocks_that_are_tried_give_the_same(name: str, order: torch.memory_format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    op, run, shape, least = KERNELS[name]
    kernel = importlib.import_module(f"i2ikit.ops.{op}.kernel")
    x = torch.randn(shape).to(device_of("triton")).contiguous(memory_format=order).requires_grad_()
    above = torch.randn(run(x).shape, device=x.device)

    def found() -> tuple[Tensor, Tensor]:
        y = run(x)
        return y, torch.autograd.grad(y, x, above)[0]

    wanted, tried = found(), []
    for index in range(5):

        def chosen(key: object, device: torch.device, blocks: list[object], launch: object, index: int = index) -> object:
            tried.append(blocks[min(index, len(blocks) - 1)])
            return tried[-1]

        monkeypatch.setattr(kernel, "fastest", chosen)
        for one, other in zip(found(), wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert len({str(each) for each in tried}) >= least


@needs_triton
@pytest.mark.parametrize("name", KERNELS)
def test_triton_kernels_are_measured_where_it_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    _, run, shape, _ = KERNELS[name]
    x = torch.randn(shape).to(device_of("triton"))
    wanted = run(x)
    measured: list[int] = []

    def medians(calls: dict[str, Callable[[], object]], device: torch.device, *, repeats: int) -> dict[str, float]:
        measured.append(len(calls))
        return {each: -float(each) for each in calls}  # the last one wins

    monkeypatch.setattr(tuning, "medians", medians)
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    torch.testing.assert_close(run(x), wanted, rtol=1e-6, atol=1e-6)
    assert measured
    assert min(measured) > 1


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_again(__file__)
