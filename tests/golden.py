"""The numbers of the original codes, where the folder with them lies beside the repository."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "shared/golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden numbers of the original code (../shared/golden) are not here")


def reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_fill", GOLDEN / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Golden:
    """One file: the state dicts, the inputs and the recorded outputs."""

    def __init__(self, name: str) -> None:
        self.fill = reader()
        self.meta, self.arrays = self.fill.load(str(GOLDEN / name))
        self.states = {
            net: {key: torch.from_numpy(value.copy()) for key, value in self.fill.state_dict(record, self.arrays).items()}
            for net, record in self.meta["networks"].items()
        }

    def input(self, name: str) -> Tensor:
        return torch.from_numpy(self.fill.input_array(self.meta["inputs"][name], self.arrays).copy())

    def assert_output(self, name: str, value: Tensor, tolerance: float = 1e-4) -> None:
        record = self.meta["outputs"][name]
        wanted = torch.from_numpy(self.arrays[record["array"]])
        assert list(value.shape) == record["shape"]
        found = torch.from_numpy(self.fill.sample(value.detach().numpy(), record))
        torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


def state_of(keys: str, network: str, seed: int = 0) -> dict[str, Tensor]:
    """Return random weights under the keys and of the shapes that an original has."""
    record: Any = json.loads((GOLDEN / "keys" / keys).read_text())["networks"][network]
    generator = torch.Generator().manual_seed(seed)

    def values(key: str, shape: list[int]) -> Tensor:
        if key.endswith("running_var"):
            return torch.rand(shape, generator=generator) + 0.5
        spread = 1.0 if len(shape) < 2 else torch.Size(shape[1:]).numel() ** -0.5
        return torch.randn(shape, generator=generator) * spread

    return {key: values(key, shape) for key, shape in record["state"]}
