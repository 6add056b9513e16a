"""Recorded results of the original codes, of operators and of networks, if the folder with them is next to the repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from ops.interpreted import INTERPRETED, NO_GOLDEN, sample_cases
from scripts import load_script
from torch import Tensor

FOLDER = Path(__file__).parents[3] / "shared/golden"
needs_golden = pytest.mark.skipif(not FOLDER.is_dir(), reason=NO_GOLDEN)


class Case(NamedTuple):
    """One recorded call: its arguments, its input tensors by name, and its results by name."""

    id: int
    op: str
    args: dict[str, Any]
    inputs: dict[str, Any]
    expected: dict[str, Tensor]
    file: str

    def make_gradient(self, y: Tensor) -> Tensor:
        """Return the recorded gradient of the result."""
        return torch.from_numpy(_load_fill().fill_noise(f"{self.file}/{self.id:03}/gy", tuple(y.shape))).to(y.device)

    def assert_near(self, name: str, value: Tensor) -> None:
        """Compare with the result of this name, if there is one, to 1e-5 of its largest number."""
        if name not in self.expected:
            return
        expected = self.expected[name]
        assert value.shape == expected.shape
        torch.testing.assert_close(value.detach().cpu(), expected, rtol=0, atol=1e-5 * max(expected.abs().max().item(), 1e-3))


def load_cases(file: str, *ops: str, part: int | None = None) -> Iterator[Case]:
    """Yield the recorded calls of a file, or only those of some operators; in Triton's interpreter, a sample of them.

    If ``part`` is 0 or 1, the interpreter runs every second one of the sample, beginning with that one.
    """
    meta, arrays = _load_fill().load(str(FOLDER / file))
    records = [record for record in meta["cases"] if not ops or record["op"] in ops]
    if INTERPRETED:
        records = [records[index] for index in sample_cases([_describe(record) for record in records])][
            part or 0 :: 1 if part is None else 2
        ]
    for record in records:
        inputs = {
            name: torch.from_numpy(np.array(_load_fill().input_array(each, arrays))) if each else None
            for name, each in record["inputs"].items()
        }
        expected = {
            name: torch.from_numpy(arrays[each["array"]]).reshape(each["shape"])
            for name, each in record["outputs"].items() if each and each["stride"] == 1
        }  # fmt: skip
        yield Case(record["id"], record["op"], record["args"], inputs, expected, file)


def _describe(record: dict[str, Any]) -> dict[str, str]:
    """Return what decides which code a call runs: arguments, except numbers that are only multiplied, and which inputs it has."""
    args = {key: str(value) for key, value in record["args"].items() if key not in {"gain", "slope", "eps"}}
    if "padding" in args:
        args["padding"] = "cropping" if "-" in args["padding"] else "padding"
    if "clamp" in args:
        args["clamp"] = "a number"
    return {**args, **{key: str(each is not None) for key, each in record["inputs"].items()}}


class Golden:
    """One file with networks: their state dicts, inputs, and recorded outputs."""

    def __init__(self, name: str) -> None:
        self.fill = _load_fill()
        self.meta, self.arrays = self.fill.load(str(FOLDER / name))
        self.states: dict[str, dict[str, Tensor]] = {}

    def state(self, net: str) -> dict[str, Tensor]:
        """Return the state dict of a network."""
        if net not in self.states:
            arrays = self.fill.state_dict(self.meta["networks"][net], self.arrays)
            self.states[net] = {key: torch.from_numpy(value) for key, value in arrays.items()}
        return self.states[net]

    def input(self, name: str) -> Tensor:
        """Return an input by its name."""
        return torch.from_numpy(self.fill.input_array(self.meta["inputs"][name], self.arrays))

    def assert_output(self, name: str, value: Tensor, tolerance: float) -> None:
        """Compare with the recorded output of this name."""
        record = self.meta["outputs"][name]
        found = torch.from_numpy(np.ascontiguousarray(self.fill.sample(value.detach().contiguous().numpy(), record)))
        torch.testing.assert_close(found, torch.from_numpy(self.arrays[record["array"]]), rtol=0, atol=tolerance)


def _load_fill() -> Any:
    return load_script(FOLDER / "fill.py")
