"""Trainings of seconds, for tests in this process and, run as a program, in processes that are killed."""

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


def model(**changes: Any) -> Model:
    settings: dict[str, Any] = {
        "labels": open_data(DATA, labels=LABELS).domain,
        "size": 16,
        "generator": {"width": 4, "blocks": 1},
        "discriminator": {"width": 4, "depth": 2},
        "batch": 4,
    }
    return build("stargan-fast", rehearsal=False, **{**settings, **changes})


def trained(run: Path, steps: int = 6, *, changes: Mapping[str, Any] | None = None, made: Model | None = None, **options: Any) -> Model:
    """Train a toy; options are those of fit."""
    from i2ikit.train import TrainingData

    source = TrainingData(open_data(DATA, labels=LABELS), DATA, {"labels": list(LABELS)})
    settings = {"log_every": 1, "sample_every": 0, "checkpoint_every": 0, "progress": Silent(), **options}
    return fit(made or model(**(changes or {})), source, run, steps=steps, **settings)


def state(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return every tensor of the newest checkpoint, and its data but for the clock."""
    from i2ikit.train import checkpoint

    _, weights, tensors, data = checkpoint.latest(run)
    return {**{f"model/{name}": each for name, each in weights.items()}, **tensors}, {
        key: value for key, value in data.items() if key != "seconds"
    }


def losses(run: Path) -> list[dict[str, Any]]:
    """Return the log without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in {"seconds", "images_per_second", "loader_share"}} for line in lines]


def same(first: Path, second: Path) -> None:
    """Check that two runs ended in the same state, bit by bit."""
    (tensors, data), (others, other) = state(first), state(second)
    assert tensors.keys() == others.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
    assert data == other


class At:
    """A tracker that does something after a step."""

    def __init__(self, when: int, what: Callable[[], None]) -> None:
        self.when, self.what = when, what

    def start(self, run: Path, done: int) -> None:
        pass

    def write(self, record: Mapping[str, Any]) -> None:
        if record["step"] == self.when:
            self.what()

    def close(self) -> None:
        pass


def main(what: str, run: str) -> None:
    """Train in a process of its own: one that kills itself, or one that tells when it has begun."""
    if what == "killed":
        trained(Path(run), 12, checkpoint_every=4, loggers=[At(7, lambda: os.kill(os.getpid(), signal.SIGKILL))])
    elif what == "interrupted":
        trained(Path(run), 100_000, loggers=[At(3, lambda: print("begun", flush=True))])
    elif what in {"one", "two"}:
        sgd = {"players": {name: {"optimizer": {"name": "sgd", "lr": 0.05}} for name in ("discriminator", "translator")}, "ema": 0.0}
        trained(Path(run), 4, changes=sgd, devices=2 if what == "two" else 1, accelerator="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
