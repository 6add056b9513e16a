"""Golden numbers: recorded outputs of the original codes, if the folder shared/golden is available."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from scripts import load_script
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "shared/golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="requires the golden numbers of the original codes (../shared/golden)")


def load_reader() -> ModuleType:
    """Import the module that reads golden files."""
    return load_script(GOLDEN / "fill.py")


class Golden:
    """A golden file: state dicts, inputs and recorded outputs."""

    def __init__(self, name: str) -> None:
        self.fill = load_reader()
        self.meta, self.arrays = self.fill.load(str(GOLDEN / name))
        self.states = {
            net: {key: torch.from_numpy(value.copy()) for key, value in self.fill.state_dict(record, self.arrays).items()}
            for net, record in self.meta["networks"].items()
        }

    def input(self, name: str) -> Tensor:
        return torch.from_numpy(self.fill.input_array(self.meta["inputs"][name], self.arrays).copy())

    def assert_output(self, name: str, value: Tensor, tolerance: float = 1e-4) -> None:
        record = self.meta["outputs"][name]
        expected = torch.from_numpy(self.arrays[record["array"]])
        assert list(value.shape) == record["shape"]
        found = torch.from_numpy(self.fill.sample(value.detach().numpy(), record))
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def make_state(keys: str, network: str, seed: int = 0) -> dict[str, Tensor]:
    """Return random weights with the keys and shapes of an original network."""
    record: Any = json.loads((GOLDEN / "keys" / keys).read_text())["networks"][network]
    generator = torch.Generator().manual_seed(seed)

    def make_values(key: str, shape: list[int]) -> Tensor:
        if key.endswith("running_var"):
            return torch.rand(shape, generator=generator) + 0.5
        spread = 1.0 if len(shape) < 2 else torch.Size(shape[1:]).numel() ** -0.5
        return torch.randn(shape, generator=generator) * spread

    return {key: make_values(key, shape) for key, shape in record["state"]}
