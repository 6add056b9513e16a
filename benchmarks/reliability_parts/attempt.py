"""One attempt of a campaign, and the systems that campaigns train."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TESTS = Path(__file__).parents[2] / "tests"
sys.path.insert(0, str(TESTS))  # for the recipes in their tiny forms, and for the generators of wrong values

SYSTEMS = ("stargan-fast", "cyclegan-fast", "pix2pix-fast", "munit-fast", "bicyclegan-fast")
STEPS = 12
CLOCK = {"seconds", "images_per_second", "loader_share"}  # of a log record


class Attempt(NamedTuple):
    """What was tried, and what is wrong with the answer; empty if nothing is."""

    name: str
    problem: str = ""


def write_data(folder: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    """Write three small data sets; return the path and the options of that of each system."""
    from i2ikit.data import faces

    faces.write_faces(folder / "faces", 24, 16, 0, views=True, partial=False)
    labelled = "faces:count=24,size=16"
    return {
        "stargan-fast": (labelled, {"labels": ["hair", "glasses"]}),
        "cyclegan-fast": ("faces:count=24,size=16,domains=hair", {}),
        "munit-fast": ("faces:count=24,size=16,domains=hair", {}),
        "pix2pix-fast": ("faces:count=24,size=16,view=sketch,target=image", {}),
        "bicyclegan-fast": ("faces:count=24,size=16,view=sketch,target=image", {}),
    }


def make_model(system: str, data: Any) -> Any:
    """Build a system in its tiny form for a data set."""
    from tiny_recipes import TINY

    from i2ikit import build

    labels = {"labels": data.domain} if data.domain.width else {}
    return build(system, rehearsal=False, size=16, source_channels=data.source.channels, batch=4, steps=STEPS, **labels, **TINY[system])


def train(system: str, data: tuple[str, dict[str, Any]], run: Path) -> None:
    """Start a run, or resume it if it has a checkpoint: the command that a user would repeat."""
    from i2ikit import fit, open_data, resume
    from i2ikit.core.storage import list_checkpoints
    from i2ikit.train import TrainingData
    from i2ikit.train.progress import Silent

    if list_checkpoints(run):
        resume(run, progress=Silent())
        return
    path, options = data
    opened = open_data(path, **options)
    settings = {"log_every": 2, "sample_every": 6, "checkpoint_every": 3, "progress": Silent()}
    fit(make_model(system, opened), TrainingData(opened, path, options), run, **settings)


def read_digest(run: Path) -> str:
    """Return a hash of everything that a finished run was trained to: weights, averages, optimizers, random states, log."""
    from i2ikit.train import checkpoint

    _, weights, state, data = checkpoint.read_latest(run)
    digest = hashlib.sha256()
    for name, tensor in sorted({**weights, **state}.items()):
        digest.update(name.encode() + tensor.contiguous().view(-1).numpy().tobytes())
    digest.update(json.dumps({key: value for key, value in data.items() if key != "seconds"}, sort_keys=True).encode())
    for line in (run / "log.jsonl").read_text().splitlines():
        row = json.loads(line)
        if "event" not in row:
            digest.update(json.dumps({key: value for key, value in row.items() if key not in CLOCK}).encode())
    return digest.hexdigest()


def fork(task: Callable[[], None], output: Path) -> int:
    """Run a task in a child process; return its process id. Its exit code is 0, or 1 after an exception, which ``output`` then tells."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with output.open("w") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        task()
        code = 0
    except BaseException as error:  # noqa: BLE001 - the parent reads what it was
        print(f"{type(error).__module__}.{type(error).__name__}: {error}", flush=True)
    finally:
        os._exit(code)


def wait(child: int) -> int:
    """Return the exit code of a child process; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def find_torn(run: Path) -> str:
    """Return a sentence about the first folder of a run that is incomplete; else an empty text."""
    from i2ikit.core import storage
    from i2ikit.errors import CheckpointError

    for folder in [*storage.list_checkpoints(run), *(run / name for name in ("final", "best") if (run / name).exists())]:
        model = folder / "model" if folder.parent.name == "checkpoints" else folder
        try:
            storage.read_config(model)
            storage.read_tensors(model / storage.WEIGHTS)
        except CheckpointError as error:
            return f"torn folder: {error}"
    return ""
