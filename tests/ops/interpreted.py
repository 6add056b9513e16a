"""The implementations that the tests of an operator run: ``triton`` runs on a GPU, or without one in Triton's interpreter.

Triton reads the variable TRITON_INTERPRET when it is imported, so the interpreter needs a separate process. A test file runs itself again
in one, with only the tests whose names contain ``triton``.
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

needs_triton = pytest.mark.skipif(not (ON_GPU or INTERPRETED), reason="no GPU: the file runs this test in Triton's interpreter")
IMPLEMENTATIONS = ["reference", "cpu", pytest.param("triton", marks=needs_triton)]


def get_device(implementation: str) -> torch.device:
    return torch.device("cuda" if implementation == "triton" and ON_GPU else "cpu")


def run_in_interpreter(path: str) -> None:
    """Run the tests of a file whose names contain ``triton``, in Triton's interpreter."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "triton", path],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
