"""Measure calls against each other: interleaved, medians, on a CPU and on an accelerator."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Call = Callable[[], object]


def medians(calls: Mapping[str, Call], device: torch.device, *, repeats: int, least: float = 0.002) -> dict[str, float]:
    """Return the median seconds of each call.

    The calls take turns, each repeat beginning with another one, so that what disturbs the machine for a while disturbs all of them. A call
    that is shorter than ``least`` seconds is repeated within its turn.
    """
    names, found = list(calls), {name: list[float]() for name in calls}
    inner = {name: _repeats(call, device, least) for name, call in calls.items()}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(seconds(calls[name], device, inner[name]))
    return {name: statistics.median(each) for name, each in found.items()}


def seconds(call: Call, device: torch.device, repeats: int) -> float:
    """Return the seconds of one of several calls in a row: of the clock on a CPU, of the device elsewhere."""
    if device.type == "cpu":
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    module = torch.get_device_module(device)
    before, after = module.Event(enable_timing=True), module.Event(enable_timing=True)
    before.record()
    for _ in range(repeats):
        call()
    after.record()
    module.synchronize(device)
    return float(before.elapsed_time(after)) / 1000 / repeats


def copied_bytes(given: Tensor, result: Tensor) -> Tensor:
    """Return a tensor whose copy moves as many bytes as reading the one and writing the other."""
    count = (given.numel() * given.element_size() + result.numel() * result.element_size()) // 2
    return torch.zeros(max(1, count // given.element_size()), dtype=given.dtype, device=given.device)


def _repeats(call: Call, device: torch.device, least: float) -> int:
    call()  # what happens only once
    once = seconds(call, device, 1)
    return max(1, min(100, int(least / max(once, 1e-7))))
