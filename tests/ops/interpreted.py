"""The implementations that the tests of an operator run: ``triton`` runs on a GPU, or without one in Triton's interpreter.

Triton reads the variable TRITON_INTERPRET when it is imported, so the interpreter needs a separate process. A test file runs itself again
in one, with only the tests whose names contain ``triton``.

The interpreter takes seconds for what a GPU does in a millisecond. It therefore runs a sample of the cases of each test: every value of
every parameter occurs, in as many different pairs as the size of the sample allows. On a GPU, and for the other implementations, all cases
run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
ON_GPU = torch.cuda.is_available()
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
NO_GOLDEN = "the results of the original code are missing (../shared/golden)"

needs_triton = pytest.mark.skipif(not (ON_GPU or INTERPRETED), reason="no GPU: the file runs this test in Triton's interpreter")
IMPLEMENTATIONS = ["reference", "cpu", pytest.param("triton", marks=needs_triton)]


def get_device(implementation: str) -> torch.device:
    return torch.device("cuda" if implementation == "triton" and ON_GPU else "cpu")


def sample_cases(cases: Sequence[Mapping[str, Hashable]]) -> list[int]:
    """Return the indices of some cases, in order, in which every value of every parameter occurs.

    Of the cases with the most new values, the one with the most new pairs of values is taken, then the one whose values were used least.
    """
    values = [set(case.items()) for case in cases]
    pairs = [set(combinations(sorted(case.items(), key=repr), 2)) for case in cases]
    used, used_pairs, chosen = Counter[Hashable](), set[Hashable](), list[int]()

    def rank(index: int) -> tuple[int, ...]:
        new = sum(value not in used for value in values[index])
        return new, len(pairs[index] - used_pairs), -sum(used[value] for value in values[index]), -index

    while rank(best := max(range(len(cases)), key=rank))[0] or not chosen:
        chosen.append(best)
        used.update(values[best])
        used_pairs |= pairs[best]
    return sorted(chosen)


def run_in_interpreter(path: str, names: str = "triton") -> None:
    """Run some tests of a file in Triton's interpreter: those that the expression selects, in the form of pytest's option ``-k``.

    If all of them compare with the results of the original code, and these are missing, it skips with that reason.
    """
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-x", "-p", "no:cacheprovider", "-k", names, path],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    if " passed" not in done.stdout and NO_GOLDEN in done.stdout:
        pytest.skip(NO_GOLDEN)
    assert " passed" in done.stdout
