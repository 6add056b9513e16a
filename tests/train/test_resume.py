"""A resumed training equals an uninterrupted one."""

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
from toy_training import CallAtStep, assert_same_state, read_losses, read_state, train

from i2ikit.errors import CheckpointError, ConfigChangedError, DataError, OptionError
from i2ikit.train import TrainingInterrupted, resume
from i2ikit.train.progress import Lines, Silent

PROGRAM = Path(toy_training.__file__)


class PulledPlugError(BaseException):
    """An exception that the library does not catch."""


def pull_plug() -> None:
    raise PulledPlugError


def train_and_crash(run: Path, steps: int = 12, last_step: int = 7, **options: Any) -> None:
    """Train a run that crashes after the given step."""
    with pytest.raises(PulledPlugError):
        train(run, steps, checkpoint_every=4, loggers=[CallAtStep(last_step, pull_plug)], **options)


def resume_silently(run: Path, **options: Any) -> Any:
    return resume(run, progress=Silent(), **options)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_by_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", 12, checkpoint_every=4)
    train_and_crash(tmp_path / "parts")
    parts = resume_silently(tmp_path / "parts")
    assert_same_state(tmp_path / "whole", tmp_path / "parts")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))
    assert parts.steps_done == 12


def test_the_log_of_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    train(tmp_path / "whole", 12, checkpoint_every=4)
    train_and_crash(tmp_path / "parts")
    assert read_losses(tmp_path / "parts")[-1]["step"] == 7  # beyond the checkpoint of step 4
    with (tmp_path / "parts/log.jsonl").open("a") as file:
        file.write('{"step": 8, "sec')
    resume_silently(tmp_path / "parts")
    assert read_losses(tmp_path / "parts") == read_losses(tmp_path / "whole")


def test_means_of_the_log_are_right_across_a_crash(tmp_path: Path) -> None:
    train(tmp_path / "whole", 12, checkpoint_every=4, log_every=3)
    train_and_crash(tmp_path / "parts", last_step=6, log_every=3)
    resume_silently(tmp_path / "parts")
    assert read_losses(tmp_path / "parts") == read_losses(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_was_killed_with_signal_9_resumes_bit_by_bit(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, PROGRAM, "killed", tmp_path / "parts"], timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    train(tmp_path / "whole", 12, checkpoint_every=4)
    resume_silently(tmp_path / "parts")
    assert_same_state(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_shows_how_to_resume(tmp_path: Path, name: signal.Signals) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen([sys.executable, PROGRAM, "interrupted", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    process.send_signal(name)
    _, errors = process.communicate(timeout=120)
    assert f"i2ikit train --resume {run}" in errors
    saved = read_state(run)[1]["step"]
    assert saved >= 3
    assert read_losses(run)[-1]["step"] == saved


def test_ctrl_c_saves_the_step_and_raises_a_keyboard_interrupt(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match=r"after step 3\..*saved.*--resume") as caught:
        train(tmp_path / "run", 12, loggers=[CallAtStep(3, lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert isinstance(caught.value, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is before
    train(tmp_path / "whole", 12)
    resume_silently(tmp_path / "run")
    assert_same_state(tmp_path / "whole", tmp_path / "run")


def test_the_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    def interrupt_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        train(tmp_path / "run", 12, loggers=[CallAtStep(3, interrupt_twice)])
    assert not isinstance(caught.value, TrainingInterrupted)
    assert read_state(tmp_path / "run")[1]["step"] == 0


def test_a_damaged_checkpoint_is_skipped_with_a_warning(tmp_path: Path) -> None:
    train_and_crash(tmp_path / "run", last_step=11)
    newest = tmp_path / "run/checkpoints/step-00000008"
    content = (newest / "state.safetensors").read_bytes()
    (newest / "state.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.warns(UserWarning, match=r'step-00000008/state\.safetensors" is damaged.*"step-00000004"'):
        resume_silently(tmp_path / "run")
    train(tmp_path / "whole", 12)
    assert_same_state(tmp_path / "whole", tmp_path / "run")


def test_an_incomplete_checkpoint_folder_is_ignored(tmp_path: Path) -> None:
    train_and_crash(tmp_path / "run")
    shutil.copytree(tmp_path / "run/checkpoints/step-00000004", tmp_path / "run/checkpoints/.step-00000008.1234.tmp")
    assert resume_silently(tmp_path / "run").steps_done == 12


def test_a_run_without_a_readable_checkpoint_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    for path in (tmp_path / "run").glob("checkpoints/*/state.json"):
        path.unlink()
    with pytest.raises(CheckpointError, match=r'"\S+run" has no readable checkpoint: .*state\.json" is missing'):
        resume_silently(tmp_path / "run")


def test_the_error_for_a_missing_run_shows_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no run at .*i2ikit train RECIPE"):
        resume_silently(tmp_path / "nothing")


def test_an_existing_run_is_not_trained_over(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    with pytest.raises(OptionError, match=r"already holds a run\..*i2ikit train --resume"):
        train(tmp_path / "run", 2)


def test_a_finished_run_without_its_checkpoints_is_not_trained_over(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(OptionError, match=r"already holds a run"):
        train(tmp_path / "run", 2)


@pytest.mark.parametrize(("name", "text"), [("thesis.tex", ""), ("run.json", '{"id": 1}'), ("run.json", "no JSON")])
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(OptionError, match="files that do not belong to a run"):
        train(tmp_path, 1)
    assert (tmp_path / name).read_text() == text


def test_a_changed_recipe_is_refused_and_each_difference_is_named(tmp_path: Path) -> None:
    model = train(tmp_path / "run", 2)

    recipe = model.recipe.with_overrides(steps=4, terms={"translator/cycle": 5.0})
    with pytest.raises(
        ConfigChangedError, match=r"recipe\.steps: 2 -> 4; recipe\.players\.translator\.terms\.cycle\.weight: 10\.0 -> 5\.0"
    ):
        resume_silently(tmp_path / "run", recipe=recipe)
    with pytest.raises(ConfigChangedError, match=r"recipe\.steps: 2 -> 4\. .*--allow-change recipe\.steps"):
        resume_silently(tmp_path / "run", recipe=recipe, allow=["recipe.players"])
    assert resume_silently(tmp_path / "run", recipe=recipe, allow=["recipe"]).steps_done == 4


def test_an_allowed_change_is_written_only_after_a_step_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    run = tmp_path / "a run"
    model, before = train(run, 2), (run / "run.json").read_text()
    recipe = model.recipe.with_overrides(steps=4)
    with monkeypatch.context() as broken:
        broken.setattr("i2ikit.train.trainer.Trainer.run", lambda _: (_ for _ in ()).throw(RuntimeError("no such operator")))
        with pytest.raises(RuntimeError, match="no such operator"):
            resume_silently(run, recipe=recipe, allow=["recipe"])
    assert (run / "run.json").read_text() == before
    with pytest.raises(TrainingInterrupted, match=rf"i2ikit train --resume '{run}'$"):
        resume_silently(run, recipe=recipe, allow=["recipe"], loggers=[CallAtStep(3, lambda: os.kill(os.getpid(), signal.SIGINT))])
    assert json.loads((run / "run.json").read_text())["changes"] == [{"step": 2, "changed": {"recipe.steps": [2, 4]}}]
    assert resume_silently(run).steps_done == 4


def test_resuming_a_finished_run_shows_how_to_train_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "run", 2)
    resume(tmp_path / "run", progress=Lines())
    output = capsys.readouterr().out
    command = f"i2ikit train --resume {tmp_path / 'run'} --steps 4 --allow-change recipe.steps"
    assert f'"{tmp_path / "run"}" is finished' in output
    assert f"{command}\n" in output
    assert "0 steps" not in output


def test_changed_data_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", 2)
    with pytest.raises(ConfigChangedError, match=r"data\.fingerprint: \w+\.* -> \w+"):
        resume_silently(tmp_path / "run", data="faces:count=25,size=16")


def test_options_that_cannot_change_the_result_may_change(tmp_path: Path) -> None:
    train_and_crash(tmp_path / "run")
    resume_silently(tmp_path / "run", workers=2, log_every=2, keep=1)
    train(tmp_path / "whole", 12, checkpoint_every=4)
    tensors, _ = read_state(tmp_path / "run")
    others, _ = read_state(tmp_path / "whole")
    assert all(torch.equal(tensors[name], others[name]) for name in others)


def test_data_that_was_made_in_python_must_be_given_again(tmp_path: Path) -> None:
    from i2ikit.data.faces import FacesDataset
    from i2ikit.train import fit

    data = FacesDataset(24, size=16, labels=toy_training.LABELS)
    fit(toy_training.make_model(), data, tmp_path / "run", steps=1, sample_every=0, progress=Silent())
    with pytest.raises(DataError, match=r'"faces" was made in Python.*resume\(run, data=\.\.\.\)'):
        resume_silently(tmp_path / "run")
    assert resume_silently(tmp_path / "run", data=data).steps_done == 1


def test_data_that_was_opened_in_python_is_opened_again(tmp_path: Path) -> None:
    from i2ikit import open_data
    from i2ikit.train import fit

    data = open_data(toy_training.DATA, labels=toy_training.LABELS)
    fit(toy_training.make_model(), data, tmp_path / "run", steps=1, sample_every=0, progress=Silent())
    assert resume_silently(tmp_path / "run").steps_done == 1
