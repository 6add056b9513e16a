"""The routes that a test of an operator is run on: ``triton`` natively on a GPU, and without one in Triton's interpreter.

Triton reads its variable when it is imported, so the interpreter needs a process of its own: a test file runs itself again in one, with the
tests alone whose names hold ``triton``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
ON_GPU = torch.cuda.is_available()
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

needs_triton = pytest.mark.skipif(not (ON_GPU or INTERPRETED), reason="no GPU: run by the file itself in Triton's interpreter")
ROUTES = ["reference", "cpu", pytest.param("triton", marks=needs_triton)]


def device_of(route: str) -> torch.device:
    return torch.device("cuda" if route == "triton" and ON_GPU else "cpu")


def run_again(path: str) -> None:
    """Run the tests of a file whose names hold ``triton`` in Triton's interpreter."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "triton", path],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
