"""The default block runs, or with autotuning the fastest one, which is measured once."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from ops.interpreted import INTERPRETED, ON_GPU, get_device, needs_triton, run_in_interpreter
from torch import Tensor

from i2ikit import ops
from i2ikit.ops import tuning

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_fastest", {})


def test_without_autotuning_the_default_block_runs_and_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("I2IKIT_AUTOTUNE", raising=False)
    launched: list[str] = []
    assert tuning.choose_block("key", CPU, ["default", "other"], launched.append) == "default"
    assert launched == []


def test_the_fastest_block_is_found_once_for_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    measured: list[list[str]] = []

    def measure_medians(calls: dict[str, object], device: torch.device, *, repeats: int) -> dict[str, float]:
        measured.append(list(calls))
        return {"0": 3.0, "1": 1.0, "2": 2.0}

    monkeypatch.setattr(tuning, "measure_medians", measure_medians)
    for _ in range(2):
        assert tuning.choose_block("key", CPU, ["default", "fast", "slow"], lambda block: None) == "fast"
    assert measured == [["0", "1", "2"]]
    assert tuning.choose_block("other key", CPU, ["default", "fast", "slow"], lambda block: None) == "fast"
    assert len(measured) == 2


def test_a_block_that_fails_to_run_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    monkeypatch.setattr(tuning, "measure_medians", lambda calls, device, *, repeats: {name: 1.0 / (1 + int(name)) for name in calls})

    def launch(block: str) -> None:
        if block.startswith("too large"):
            raise RuntimeError("out of resource: shared memory")

    assert tuning.choose_block("key", CPU, ["default", "fast", "too large"], launch) == "fast"
    assert tuning.choose_block("other key", CPU, ["default", "too large", "too large too"], launch) == "default"


def test_running_out_of_memory_in_a_trial_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")

    def launch(block: str) -> None:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError):
        tuning.choose_block("key", CPU, ["default", "other"], launch)


FIR = ops.fir_filter([1, 3, 3, 1])
KERNELS: dict[str, tuple[str, Callable[[Tensor], Tensor], tuple[int, ...], int]] = {
    "upfirdn": ("upfirdn", lambda x: ops.upfirdn(x, FIR.to(x.device), up=2, padding=(2, 1, 2, 1)), (1, 3, 5, 7), 4),
    "bias_act": ("bias_act", lambda x: ops.bias_act(x, x.new_ones(x.shape[1]), "swish"), (2, 3, 5, 7), 3),
    "adain": ("adain", lambda x: ops.adain(x, x.new_ones(x.shape[1]), None, activation="relu"), (2, 5, 16, 9), 2),
    "adain of large maps": ("adain", lambda x: ops.adain(x, None, None), (1, 1, 150, 131), 3),
}


@needs_triton
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", KERNELS)
def test_triton_candidate_blocks_give_the_same_results(
    name: str, memory_format: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    op, run, shape, minimum = KERNELS[name]
    kernel = importlib.import_module(f"i2ikit.ops.{op}.kernel")
    x = torch.randn(shape).to(get_device("triton")).contiguous(memory_format=memory_format).requires_grad_()
    grad = torch.randn(run(x).shape, device=x.device)

    def compute() -> tuple[Tensor, Tensor]:
        y = run(x)
        return y, torch.autograd.grad(y, x, grad)[0]

    expected, tried = compute(), []
    for index in range(5):

        def choose(key: object, device: torch.device, blocks: list[object], launch: object, index: int = index) -> object:
            tried.append(blocks[min(index, len(blocks) - 1)])
            return tried[-1]

        monkeypatch.setattr(kernel, "choose_block", choose)
        for one, other in zip(compute(), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    assert len({str(each) for each in tried}) >= minimum


@needs_triton
@pytest.mark.parametrize("name", KERNELS)
def test_triton_kernels_are_measured_with_autotuning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_OPS", "triton")
    _, run, shape, _ = KERNELS[name]
    x = torch.randn(shape).to(get_device("triton"))
    expected = run(x)
    measured: list[int] = []

    def measure_medians(calls: dict[str, Callable[[], object]], device: torch.device, *, repeats: int) -> dict[str, float]:
        measured.append(len(calls))
        return {each: -float(each) for each in calls}  # the last one wins

    monkeypatch.setattr(tuning, "measure_medians", measure_medians)
    monkeypatch.setenv("I2IKIT_AUTOTUNE", "1")
    torch.testing.assert_close(run(x), expected, rtol=1e-6, atol=1e-6)
    assert measured
    assert min(measured) > 1


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED or ON_GPU, reason="the kernels run in this process")
def test_the_kernels_pass_in_the_interpreter() -> None:
    run_in_interpreter(__file__)
