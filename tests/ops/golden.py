"""The numbers of the original codes, of operators and of networks, where the folder with them lies beside the repository."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[3] / "shared/golden"
needs_golden = pytest.mark.skipif(not FOLDER.is_dir(), reason="the golden numbers of the original code (../shared/golden) are not here")


class Case(NamedTuple):
    """One recorded call: its arguments, its tensors by name, and what came out."""

    id: int
    op: str
    args: dict[str, Any]
    given: dict[str, Any]
    wanted: dict[str, Tensor]
    file: str

    def noise_like(self, y: Tensor) -> Tensor:
        """Return the gradient that the record let come in."""
        return torch.from_numpy(_fill().fill_noise(f"{self.file}/{self.id:03}/gy", tuple(y.shape))).to(y.device)

    def assert_near(self, name: str, value: Tensor) -> None:
        """Compare with what is recorded under a name, if anything is, to 1e-5 of its largest number."""
        if name not in self.wanted:
            return
        wanted = self.wanted[name]
        assert value.shape == wanted.shape
        torch.testing.assert_close(value.detach().cpu(), wanted, rtol=0, atol=1e-5 * max(wanted.abs().max().item(), 1e-3))


def cases(file: str, *ops: str) -> Iterator[Case]:
    """Give the records of a file, of some operators alone."""
    meta, arrays = _fill().load(str(FOLDER / file))
    for record in meta["cases"]:
        if ops and record["op"] not in ops:
            continue
        given = {
            name: torch.from_numpy(np.array(_fill().input_array(each, arrays))) if each else None for name, each in record["inputs"].items()
        }
        wanted = {
            name: torch.from_numpy(arrays[each["array"]]).reshape(each["shape"])
            for name, each in record["outputs"].items() if each and each["stride"] == 1
        }  # fmt: skip
        yield Case(record["id"], record["op"], record["args"], given, wanted, file)


class Golden:
    """One file with networks: their state dicts, inputs, and recorded outputs."""

    def __init__(self, name: str) -> None:
        self.fill = _fill()
        self.meta, self.arrays = self.fill.load(str(FOLDER / name))
        self.states: dict[str, dict[str, Tensor]] = {}

    def state(self, net: str) -> dict[str, Tensor]:
        """Return the state dict of a network."""
        if net not in self.states:
            made = self.fill.state_dict(self.meta["networks"][net], self.arrays)
            self.states[net] = {key: torch.from_numpy(value) for key, value in made.items()}
        return self.states[net]

    def input(self, name: str) -> Tensor:
        """Return what went in under a name."""
        return torch.from_numpy(self.fill.input_array(self.meta["inputs"][name], self.arrays))

    def assert_output(self, name: str, value: Tensor, tolerance: float) -> None:
        """Compare with what came out under a name."""
        record = self.meta["outputs"][name]
        found = torch.from_numpy(np.ascontiguousarray(self.fill.sample(value.detach().contiguous().numpy(), record)))
        torch.testing.assert_close(found, torch.from_numpy(self.arrays[record["array"]]), rtol=0, atol=tolerance)


def _fill() -> Any:
    spec = importlib.util.spec_from_file_location("golden_fill", FOLDER / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
