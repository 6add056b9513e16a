"""Trainings of a few seconds for tests, in this process or, if run as a program, in a process of their own."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from i2ikit import Model, build, open_data
from i2ikit.train import fit
from i2ikit.train.progress import Silent

DATA = "faces:count=24,size=16"
LABELS = ("hair", "glasses")


def make_model(**overrides: Any) -> Model:
    settings: dict[str, Any] = {
        "labels": open_data(DATA, labels=LABELS).domain,
        "size": 16,
        "generator": {"width": 4, "blocks": 1},
        "discriminator": {"width": 4, "depth": 2},
        "batch": 4,
    }
    return build("stargan-fast", rehearsal=False, **{**settings, **overrides})


def train(run: Path, steps: int = 6, *, overrides: Mapping[str, Any] | None = None, model: Model | None = None, **options: Any) -> Model:
    """Train a small model; the options are those of ``fit``."""
    from i2ikit.train import TrainingData

    source = TrainingData(open_data(DATA, labels=LABELS), DATA, {"labels": list(LABELS)})
    settings = {"log_every": 1, "sample_every": 0, "checkpoint_every": 0, "progress": Silent(), **options}
    return fit(model or make_model(**(overrides or {})), source, run, steps=steps, **settings)


def read_state(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return all tensors of the newest checkpoint, and its data without the training time."""
    from i2ikit.train import checkpoint

    _, weights, tensors, data = checkpoint.read_latest(run)
    return {**{f"model/{name}": each for name, each in weights.items()}, **tensors}, {
        key: value for key, value in data.items() if key != "seconds"
    }


def read_losses(run: Path) -> list[dict[str, Any]]:
    """Return the log without the entries that depend on the clock."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in {"seconds", "images_per_second", "loader_share"}} for line in lines]


def assert_same_state(first: Path, second: Path) -> None:
    """Check that the last checkpoints of two runs are equal bit by bit."""
    (tensors, data), (others, other) = read_state(first), read_state(second)
    assert tensors.keys() == others.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
    assert data == other


def assert_same_networks(one: Mapping[str, torch.Tensor], two: Mapping[str, torch.Tensor]) -> None:
    """Check that the networks of two models in checkpoints, as :func:`read_state` reads them, are equal bit by bit."""
    names = [name for name in one if name.startswith("model/nets.")]
    assert names
    assert [name for name in names if not torch.equal(one[name], two[name])] == []


class CallAtStep:
    """A logger that calls a function after a step."""

    def __init__(self, step: int, function: Callable[[], None]) -> None:
        self.step, self.function = step, function

    def start(self, run: Path, done: int) -> None:
        pass

    def write(self, record: Mapping[str, Any]) -> None:
        if record["step"] == self.step:
            self.function()

    def close(self) -> None:
        pass


def main(mode: str, run: str) -> None:
    """Train in a process of its own: one that kills itself, one that prints when it has begun, or on one or two processes."""
    if mode == "killed":
        train(Path(run), 12, checkpoint_every=4, loggers=[CallAtStep(7, lambda: os.kill(os.getpid(), signal.SIGKILL))])
    elif mode == "interrupted":
        train(Path(run), 100_000, loggers=[CallAtStep(3, lambda: print("begun", flush=True))])
    elif mode in {"one", "two"}:
        sgd = {"players": {name: {"optimizer": {"name": "sgd", "lr": 0.05}} for name in ("discriminator", "translator")}, "ema": 0.0}
        train(Path(run), 4, overrides=sgd, devices=2 if mode == "two" else 1, accelerator="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
