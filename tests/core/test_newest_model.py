"""Models are read beside a training that removes and replaces them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from i2ikit import build, load
from i2ikit.core import storage
from i2ikit.core.newest_model import read_newest_model
from i2ikit.errors import CheckpointError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    model = build("stargan-fast", size=16, labels={"male": bool}, generator={"width": 4, "blocks": 1}, rehearsal=False)
    for step in (1, 2):
        model.steps_done = step
        model.save(tmp_path / "run/checkpoints" / f"step-{step:08d}" / "model")
    return tmp_path / "run"


def test_a_checkpoint_that_is_removed_while_it_is_read_gives_way_to_the_newest(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, newest = storage.read_tensors, run / "checkpoints/step-00000002"

    def remove_first(path: Path) -> object:
        if newest.exists():  # as a training does that has written a newer one
            newest.rename(run / "checkpoints/step-00000003")
            shutil.rmtree(run / "checkpoints/step-00000001")
        return read(path)

    monkeypatch.setattr(storage, "read_tensors", remove_first)
    model = load(run)
    assert model.loaded_from == run / "checkpoints/step-00000003/model"


def test_a_best_model_that_is_being_replaced_is_waited_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best, away = run / "best", run / ".best.00000000-1-00000000-0.old"
    (run / "checkpoints/step-00000002/model").rename(away)
    monkeypatch.setattr("time.sleep", lambda _: away.exists() and away.rename(best))
    assert load(best).steps_done == 2


def test_a_damaged_model_is_read_once(run: Path) -> None:
    tries = []

    def read(folder: Path) -> None:
        tries.append(folder)
        raise CheckpointError("damaged")

    with pytest.raises(CheckpointError, match="damaged"):
        read_newest_model(run, read)
    assert len(tries) == 1
