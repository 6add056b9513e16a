"""Benchmark of the operators with pytest-benchmark.

    python -m pytest benchmarks/test_operators.py --benchmark-enable --benchmark-group-by=group

Each operator and its baselines are measured, after their values are compared. `i2ikit bench ops` measures them in turns and prints ratios.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import tune_cpu
from i2ikit.ops.bench import DIRECTIONS, LAYOUTS, TOLERANCE, relative_error
from i2ikit.ops.bench.baselines import Subject, list_subjects

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SIZE = (4, 128, 64, 64)
CASES = [(subject, name) for subject in list_subjects(DEVICE) for name in ("i2ikit", *subject.baselines)]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("subject", "name"), CASES, ids=[f"{subject.name}-{name}" for subject, name in CASES])
def test_operator(benchmark: Any, subject: Subject, name: str, layout: str, direction: str) -> None:
    tune_cpu()
    torch.manual_seed(0)
    x = torch.randn(SIZE, device=DEVICE).contiguous(memory_format=LAYOUTS[layout])
    inputs = [each.requires_grad_() for each in subject.make_inputs(x)]
    call = subject.run if name == "i2ikit" else subject.baselines[name]
    y, expected = call(*inputs), subject.baselines["reference"](*inputs)
    assert relative_error(y, expected) <= TOLERANCE[x.dtype]
    grad = torch.randn_like(y)

    def run() -> None:
        if direction == "forward":
            with torch.no_grad():
                call(*inputs)
        else:
            torch.autograd.grad(call(*inputs), inputs, grad)
        if DEVICE.type != "cpu":
            torch.cuda.synchronize()

    benchmark.group = f"{subject.name}, {layout}, {direction}"
    benchmark(run)
