"""A training that does steps again leaves one record of each step: in the log, in event files and among the sample grids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_training import CallAtStep, read_losses, train

from i2ikit.train import TensorBoard, resume
from i2ikit.train.progress import Silent
from i2ikit.train.sample_files import list_grids


class PulledPlugError(BaseException):
    """An exception that the library does not catch."""


def pull_plug() -> None:
    raise PulledPlugError


def train_and_crash(run: Path, step: int, checkpoint_every: int) -> None:
    loggers = [TensorBoard(), CallAtStep(step, pull_plug)]
    with pytest.raises(PulledPlugError):
        train(run, 6, checkpoint_every=checkpoint_every, sample_every=1, loggers=loggers)


def read_scalar_steps(run: Path, key: str) -> list[int]:
    """Return the steps of all values of a scalar in all event files, in whatever order they are read."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    steps = []
    for path in (run / "tensorboard").iterdir():
        for event in map(Event.FromString, RawEventFileLoader(str(path)).Load()):
            steps += [event.step for value in event.summary.value if value.tag == key]
    return sorted(steps)


@pytest.mark.parametrize(("checkpoint_every", "start"), [(0, 0), (3, 3)])
def test_a_resumed_run_has_each_step_once(tmp_path: Path, checkpoint_every: int, start: int) -> None:
    run = tmp_path / "run"
    train_and_crash(run, 5, checkpoint_every)
    assert max(list_grids(run)) > start
    resume(run, sample_every=0, progress=Silent(), loggers=[TensorBoard()])
    assert [record["step"] for record in read_losses(run)] == [1, 2, 3, 4, 5, 6]
    assert read_scalar_steps(run, "translator/cycle") == [1, 2, 3, 4, 5, 6]
    assert list(list_grids(run)) == list(range(start + 1))


def test_a_run_that_is_started_again_has_no_records_and_grids_of_the_first_try(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_and_crash(run, 5, 0)
    (run / "log.jsonl").unlink()  # a run with logged steps cannot be started again
    train(run, 2, sample_every=0, loggers=[TensorBoard()])
    assert [record["step"] for record in read_losses(run)] == [1, 2]
    assert read_scalar_steps(run, "translator/cycle") == [1, 2]
    assert list(list_grids(run)) == []


def test_grids_that_were_removed_are_not_listed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_and_crash(run, 5, 3)
    resume(run, progress=Silent(), sample_every=3)
    layout = json.loads((run / "samples" / "layout.json").read_text())
    assert layout["steps"] == [0, 1, 2, 3, 6]
