"""A training loop of one's own."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import DATA, LABELS, assert_same_state, make_model, read_losses, read_state, train

from i2ikit import load, open_data
from i2ikit.core.step import make_translations, play, split, turns, update
from i2ikit.errors import OptionError
from i2ikit.train import TrainingInterrupted, resume_run, start_run
from i2ikit.train.progress import Silent

OPTIONS = {"log_every": 1, "sample_every": 0, "checkpoint_every": 2, "progress": Silent()}


def start(run: Path, steps: int = 4) -> Any:
    return start_run(make_model(), open_data(DATA, labels=LABELS), run, steps=steps, **OPTIONS)


def interrupt_at_step_3(run: Path) -> None:
    with start(run) as trainer:
        for batches in trainer.load_batches():
            logs = trainer.model.step(batches)
            if trainer.model.steps_done == 3:
                os.kill(os.getpid(), signal.SIGINT)
            trainer.finish_step(logs)


def test_an_own_loop_equals_fit_bit_by_bit_across_a_resume(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", 4, checkpoint_every=2)
    with pytest.raises(TrainingInterrupted):
        interrupt_at_step_3(tmp_path / "own")
    with resume_run(tmp_path / "own", progress=Silent()) as trainer:
        for batches in trainer.load_batches():
            trainer.finish_step(trainer.model.step(batches))
        model = trainer.finish()
    assert_same_state(tmp_path / "whole", tmp_path / "own")
    assert read_losses(tmp_path / "whole") == read_losses(tmp_path / "own")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), model.parameters(), strict=True))
    assert load(tmp_path / "own").steps_done == 4


def test_the_parts_of_a_step_equal_the_step_in_an_own_loop(tmp_path: Path) -> None:
    train(tmp_path / "whole", 2, checkpoint_every=2)
    with start(tmp_path / "own", 2) as trainer:
        model = trainer.model
        for [batch] in trainer.load_batches():
            [part] = split(model, batch, draws={}, index=0, parts=1)
            translations, logs = make_translations(model, part, model.recipe.players), {}
            for player in model.recipe.players:
                for turn in turns(player, model.steps_done):
                    for parameter in model.nets.get_parameters(player.trains):
                        parameter.grad = None
                    values = play(model, turn, translations)
                    update(model, turn, model.nets.get_parameters(sorted(turn.updates)), values)
                    logs |= values
                    for translation in translations:
                        translation.forget(turn.updates)
            model.steps_done += 1
            trainer.finish_step({name: value.detach() for name, value in logs.items()})
        trainer.finish()
    tensors, others = (read_state(tmp_path / name)[0] for name in ("whole", "own"))
    names = [name for name in tensors if name.startswith("model/")]
    assert names
    assert all(torch.equal(tensors[name], others[name]) for name in names)


@pytest.mark.parametrize("forgotten", ["step", "finish_step"])
def test_a_step_that_is_not_finished_is_refused(tmp_path: Path, forgotten: str) -> None:
    def train_wrongly() -> None:
        with start(tmp_path / "run") as trainer:
            for batches in trainer.load_batches():
                if forgotten == "step":
                    trainer.finish_step({})
                else:
                    trainer.model.step(batches)

    with pytest.raises(OptionError, match=r"^Step 1 is not finished\. Call model\.step"):
        train_wrongly()


def test_a_loop_that_ends_early_is_saved_by_finish(tmp_path: Path) -> None:
    with start(tmp_path / "run") as trainer:
        for batches in trainer.load_batches():
            trainer.finish_step(trainer.model.step(batches))
            if trainer.model.steps_done == 3:
                break
        trainer.finish()
    assert load(tmp_path / "run").steps_done == 3
    assert read_state(tmp_path / "run")[1]["step"] == 3
