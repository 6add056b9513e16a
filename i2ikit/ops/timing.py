"""Compare the running times of calls: interleaved, by their medians, on a CPU and on an accelerator."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Call = Callable[[], object]


def measure_medians(calls: Mapping[str, Call], device: torch.device, *, repeats: int, min_seconds: float = 0.002) -> dict[str, float]:
    """Return the median seconds of each call.

    The calls take turns, and each repeat begins with another call, so that a disturbance of the machine affects all of them. A call
    shorter than ``min_seconds`` is repeated within its turn.
    """
    names, seconds = list(calls), {name: list[float]() for name in calls}
    counts = {name: _count_repeats(call, device, min_seconds) for name, call in calls.items()}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(measure_seconds(calls[name], device, counts[name]))
    return {name: statistics.median(each) for name, each in seconds.items()}


def measure_seconds(call: Call, device: torch.device, repeats: int) -> float:
    """Return the mean seconds of repeated calls: wall-clock time on a CPU, device time on an accelerator."""
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


def make_copy_tensor(source: Tensor, result: Tensor) -> Tensor:
    """Return a tensor whose copy moves as many bytes as reading the source and writing the result."""
    count = (source.numel() * source.element_size() + result.numel() * result.element_size()) // 2
    return torch.zeros(max(1, count // source.element_size()), dtype=source.dtype, device=source.device)


def _count_repeats(call: Call, device: torch.device, min_seconds: float) -> int:
    call()  # the first call includes work that happens only once
    once = measure_seconds(call, device, 1)
    return max(1, min(100, int(min_seconds / max(once, 1e-7))))
