"""The operators under pytest-benchmark: python -m pytest benchmarks/test_operators.py --benchmark-enable --benchmark-group-by=group

Each in its own way and in the ways it is measured against, values compared first. `i2ikit bench ops` gives the ratios, interleaved.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import tune_cpu
from i2ikit.ops.bench import DIRECTIONS, LAYOUTS, TOLERANCE, distance
from i2ikit.ops.bench.rivals import Subject, subjects

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SIZE = (4, 128, 64, 64)
CASES = [(subject, name) for subject in subjects(DEVICE) for name in ("i2ikit", *subject.rivals)]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("subject", "name"), CASES, ids=[f"{subject.name}-{name}" for subject, name in CASES])
def test_operator(benchmark: Any, subject: Subject, name: str, layout: str, direction: str) -> None:
    tune_cpu()
    torch.manual_seed(0)
    x = torch.randn(SIZE, device=DEVICE).contiguous(memory_format=LAYOUTS[layout])
    given = [each.requires_grad_() for each in subject.make(x)]
    call = subject.run if name == "i2ikit" else subject.rivals[name]
    y, wanted = call(*given), subject.rivals["reference"](*given)
    assert distance(y, wanted) <= TOLERANCE[x.dtype]
    grad = torch.randn_like(y)

    def run() -> None:
        if direction == "forward":
            with torch.no_grad():
                call(*given)
        else:
            torch.autograd.grad(call(*given), given, grad)
        if DEVICE.type != "cpu":
            torch.cuda.synchronize()

    benchmark.group = f"{subject.name}, {layout}, {direction}"
    benchmark(run)
