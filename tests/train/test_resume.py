"""A training that goes on is the training that never stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import toy_training
from toy_training import At, losses, same, trained

from i2ikit.core.overrides import apply_overrides
from i2ikit.errors import CheckpointError, ConfigChangedError, DataError, OptionError
from i2ikit.train import TrainingInterrupted, resume
from i2ikit.train.progress import Lines, Silent

PROGRAM = Path(toy_training.__file__)


class PulledPlugError(BaseException):
    """What nothing in a training catches."""


def pulled() -> None:
    raise PulledPlugError


def stopped(run: Path, steps: int = 12, at: int = 7, **options: Any) -> None:
    """Leave a run behind that ended after step ``at`` without a word."""
    with pytest.raises(PulledPlugError):
        trained(run, steps, checkpoint_every=4, loggers=[At(at, pulled)], **options)


def go_on(run: Path, **options: Any) -> Any:
    return resume(run, progress=Silent(), **options)


def test_a_resumed_run_is_bit_by_bit_one_that_never_stopped(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 12, checkpoint_every=4)
    stopped(tmp_path / "parts")
    parts = go_on(tmp_path / "parts")
    same(tmp_path / "whole", tmp_path / "parts")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))
    assert parts.steps_done == 12


def test_the_log_of_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    trained(tmp_path / "whole", 12, checkpoint_every=4)
    stopped(tmp_path / "parts")
    assert losses(tmp_path / "parts")[-1]["step"] == 7  # beyond the checkpoint of step 4
    with (tmp_path / "parts/log.jsonl").open("a") as file:
        file.write('{"step": 8, "sec')
    go_on(tmp_path / "parts")
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_a_window_of_the_log_that_a_pause_cuts_is_completed(tmp_path: Path) -> None:
    trained(tmp_path / "whole", 12, checkpoint_every=4, log_every=3)
    stopped(tmp_path / "parts", at=6, log_every=3)
    go_on(tmp_path / "parts")
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_was_killed_with_signal_9_resumes_bit_by_bit(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, PROGRAM, "killed", tmp_path / "parts"], timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    trained(tmp_path / "whole", 12, checkpoint_every=4)
    go_on(tmp_path / "parts")
    same(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(tmp_path: Path, name: signal.Signals) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen([sys.executable, PROGRAM, "interrupted", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(name)
    _, errors = process.communicate(timeout=120)
    assert f"Go on with: i2ikit train --resume {run}" in errors
    saved = toy_training.state(run)[1]["step"]
    assert saved >= 3
    assert losses(run)[-1]["step"] == saved


def test_ctrl_c_in_this_process_saves_the_step_and_raises_a_keyboard_interrupt(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match="after step 3; everything is saved") as caught:
        trained(tmp_path / "run", 12, loggers=[At(3, lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert isinstance(caught.value, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is before
    trained(tmp_path / "whole", 12)
    go_on(tmp_path / "run")
    same(tmp_path / "whole", tmp_path / "run")


def test_the_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        trained(tmp_path / "run", 12, loggers=[At(3, twice)])
    assert not isinstance(caught.value, TrainingInterrupted)
    assert toy_training.state(tmp_path / "run")[1]["step"] == 0


def test_half_a_checkpoint_is_left_out_with_a_warning(tmp_path: Path) -> None:
    stopped(tmp_path / "run", at=11)
    newest = tmp_path / "run/checkpoints/step-00000008"
    content = (newest / "state.safetensors").read_bytes()
    (newest / "state.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match=r'step-00000008/state\.safetensors" is damaged.*Going on from "step-00000004"'):
        go_on(tmp_path / "run")
    trained(tmp_path / "whole", 12)
    same(tmp_path / "whole", tmp_path / "run")


def test_a_folder_that_was_being_written_is_no_checkpoint(tmp_path: Path) -> None:
    stopped(tmp_path / "run")
    shutil.copytree(tmp_path / "run/checkpoints/step-00000004", tmp_path / "run/checkpoints/.step-00000008.1234.tmp")
    assert go_on(tmp_path / "run").steps_done == 12


def test_a_run_without_a_whole_checkpoint_says_so(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    for path in (tmp_path / "run").glob("checkpoints/*/state.json"):
        path.unlink()
    with pytest.raises(CheckpointError, match=r'"\S+run" has no checkpoint that can be read: .*state\.json" is missing'):
        go_on(tmp_path / "run")


def test_a_folder_without_a_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no run at .* A run is started by: i2ikit train RECIPE"):
        go_on(tmp_path / "nothing")


def test_an_existing_run_is_not_trained_over(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    with pytest.raises(OptionError, match=r"holds a run already\. Go on with it: i2ikit train --resume"):
        trained(tmp_path / "run", 2)


def test_a_finished_run_without_its_checkpoints_is_not_trained_over(tmp_path: Path) -> None:
    trained(tmp_path / "run", 1)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(OptionError, match=r"holds a run already"):
        trained(tmp_path / "run", 2)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OptionError, match="holds something else than a run"):
        trained(tmp_path, 1)


def test_a_changed_recipe_is_refused_and_each_difference_is_named(tmp_path: Path) -> None:
    made = trained(tmp_path / "run", 2)

    recipe = apply_overrides(made.recipe, {"steps": 4, "terms": {"translator/cycle": 5.0}})
    with pytest.raises(
        ConfigChangedError, match=r"recipe\.steps: 2 -> 4; recipe\.players\.translator\.terms\.cycle\.weight: 10\.0 -> 5\.0"
    ):
        go_on(tmp_path / "run", recipe=recipe)
    with pytest.raises(ConfigChangedError, match=r"started otherwise: recipe\.steps: 2 -> 4\. Resume.*--allow-change recipe\.steps"):
        go_on(tmp_path / "run", recipe=recipe, allow=["recipe.players"])
    assert go_on(tmp_path / "run", recipe=recipe, allow=["recipe"]).steps_done == 4


def test_an_allowed_change_is_written_only_once_a_step_has_worked_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    run = tmp_path / "a run"
    made, before = trained(run, 2), (run / "run.json").read_text()
    recipe = apply_overrides(made.recipe, {"steps": 4})
    with monkeypatch.context() as broken:
        broken.setattr("i2ikit.train.trainer.Trainer.go", lambda _: (_ for _ in ()).throw(RuntimeError("out of memory")))
        with pytest.raises(RuntimeError, match="out of memory"):
            go_on(run, recipe=recipe, allow=["recipe"])
    assert (run / "run.json").read_text() == before
    with pytest.raises(TrainingInterrupted, match=rf"Go on with: i2ikit train --resume '{run}'$"):
        go_on(run, recipe=recipe, allow=["recipe"], loggers=[toy_training.At(3, lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert json.loads((run / "run.json").read_text())["changes"] == [{"step": 2, "changed": {"recipe.steps": [2, 4]}}]
    assert go_on(run).steps_done == 4


def test_a_finished_run_says_that_it_is_finished_and_how_to_train_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path / "run", 2)
    resume(tmp_path / "run", progress=Lines())
    said = capsys.readouterr().out
    command = f"i2ikit train --resume {tmp_path / 'run'} --steps 4 --allow-change recipe.steps"
    assert f'"{tmp_path / "run"}" is finished: its 2 steps are done. Train on with: {command}\n' in said
    assert "0 steps" not in said


def test_changed_data_is_refused(tmp_path: Path) -> None:
    trained(tmp_path / "run", 2)
    with pytest.raises(ConfigChangedError, match=r"data\.fingerprint: \w+\.* -> \w+"):
        go_on(tmp_path / "run", data="faces:count=25,size=16")


def test_options_that_cannot_change_the_result_may_change(tmp_path: Path) -> None:
    stopped(tmp_path / "run")
    go_on(tmp_path / "run", changes={"workers": 2, "log_every": 2, "keep": 1})
    trained(tmp_path / "whole", 12, checkpoint_every=4)
    tensors, _ = toy_training.state(tmp_path / "run")
    others, _ = toy_training.state(tmp_path / "whole")
    assert all(torch.equal(tensors[name], others[name]) for name in others)


def test_data_that_was_made_in_python_is_asked_for(tmp_path: Path) -> None:
    from i2ikit.data.faces import FacesDataset
    from i2ikit.train import fit

    data = FacesDataset(24, size=16, labels=toy_training.LABELS)
    fit(toy_training.model(), data, tmp_path / "run", steps=1, sample_every=0, progress=Silent())
    with pytest.raises(DataError, match=r'"faces" was made in Python and cannot be found again\. Call resume\(run, data=\.\.\.\)'):
        go_on(tmp_path / "run")
    assert go_on(tmp_path / "run", data=data).steps_done == 1


def test_data_that_was_opened_in_python_is_found_again(tmp_path: Path) -> None:
    from i2ikit import open_data
    from i2ikit.train import fit

    data = open_data(toy_training.DATA, labels=toy_training.LABELS)
    fit(toy_training.model(), data, tmp_path / "run", steps=1, sample_every=0, progress=Silent())
    assert go_on(tmp_path / "run").steps_done == 1
