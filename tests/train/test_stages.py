"""Runs with stages: a small translator, then pix2pix, whose generator continues from it; or an encoder for a frozen generator."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import CallAtStep, assert_same_state

import i2ikit
from i2ikit import Model, Recipe, build, fit, load, open_data, resume
from i2ikit.cli import main
from i2ikit.errors import CheckpointError, ConfigChangedError, DataError, OptionError, UnknownNameError
from i2ikit.evaluation import evaluate_run
from i2ikit.pixels import write_image
from i2ikit.train import TrainingInterrupted, start_run
from i2ikit.train.page import write_page
from i2ikit.train.progress import Lines, Silent
from i2ikit.train.time_budget import Plan

TWO_STAGES = """
extends = "pix2pix"
name = "refined"
size = 16
batch = 2
steps = 4
encoder = "identity_encoder"
discriminator = {width = 4, depth = 2}
[slots.generator]
weights = "stage:coarse"
[stages.coarse]
extends = "pix2pix-l1"
generator = {width = 4, depth = 4}
batch = 2
steps = 3
"""


class PulledPlugError(BaseException):
    """An exception that the library does not catch."""


def pull_plug() -> None:
    raise PulledPlugError


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pairs")
    for number in range(8):
        for side in ("a", "b"):
            write_image(torch.rand(3, 16, 16) * 2 - 1, folder / "train" / side / f"{number}.png")
    return str(folder)


def read_recipe(folder: Path, text: str = TWO_STAGES) -> Recipe:
    (folder / "refined.toml").write_text(text)
    return i2ikit.recipe(str(folder / "refined.toml"))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return read_recipe(tmp_path)


def train(recipe: Recipe, data: Any, run: Path, **options: Any) -> Model:
    settings = {"log_every": 1, "sample_every": 0, "checkpoint_every": 2, "progress": Silent(), **options}
    return fit(build(recipe, rehearsal=False), data, run, **settings)


@pytest.fixture(scope="module")
def finished(pairs: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    train(read_recipe(folder), pairs, folder / "run")
    return folder / "run"


def assert_same_model(first: Model, second: Model) -> None:
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


class StopInStage:
    """A logger that calls a function after a step of one stage."""

    def __init__(self, stage: str, step: int, function: Callable[[], None]) -> None:
        self.stage, self.call = stage, CallAtStep(step, function)
        self.is_active = False

    def start(self, run: Path, done: int) -> None:
        self.is_active = run.name == self.stage

    def write(self, record: Any) -> None:
        if self.is_active:
            self.call.write(record)

    def close(self) -> None:
        pass


# -- one command trains all stages


def test_each_stage_is_a_complete_run_and_the_run_holds_the_last_model(finished: Path) -> None:
    assert sorted(each.name for each in finished.glob("[!.]*")) == ["final", "stages", "stages.json"]
    assert sorted(each.name for each in (finished / "stages").iterdir()) == ["1-coarse", "2-refined"]
    assert (load(finished).recipe.name, load(finished).steps_done) == ("refined", 4)
    assert (load(finished / "final").steps_done, load(finished / "stages/1-coarse").steps_done) == (4, 3)
    assert write_page(finished) == finished / "stages/2-refined/index.html"
    assert evaluate_run(finished, split="train", classifier=None, samples_per_input=0).numbers


def test_a_later_stage_starts_with_the_weights_and_options_of_the_earlier_one(pairs: str, finished: Path) -> None:
    recipe = load(finished).recipe
    assert recipe.slots["generator"].options["width"] == 4
    assert recipe.slots["generator"].weights == f"{finished}/stages/1-coarse:generator"
    assert not recipe.stages
    settings = {"log_every": 1, "sample_every": 0, "checkpoint_every": 0, "progress": Silent()}
    alone = build(recipe, rehearsal=False)
    assert torch.equal(next(alone.generator.parameters()), next(load(finished / "stages/1-coarse").generator.parameters()))
    fit(alone, pairs, finished.parent / "alone", **settings)
    assert_same_model(alone, load(finished))


def test_a_frozen_slot_of_an_earlier_stage_keeps_its_weights(recipe: Recipe, pairs: str, tmp_path: Path) -> None:
    frozen = recipe.with_overrides(slots={"generator": {"frozen": True}}, players={"translator": None})
    model = train(frozen, pairs, tmp_path / "run")
    coarse = load(tmp_path / "run/stages/1-coarse")
    for name, parameter in model.generator.named_parameters():
        assert torch.equal(parameter, coarse.generator.get_parameter(name))


# -- resuming


@pytest.mark.parametrize(("stage", "step"), [("1-coarse", 3), ("2-refined", 3)], ids=["between the stages", "within the second stage"])
def test_a_stopped_run_resumes_bit_by_bit(recipe: Recipe, pairs: str, tmp_path: Path, finished: Path, stage: str, step: int) -> None:
    stop = StopInStage(stage, step, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(TrainingInterrupted, match=rf"after step {step}.*--resume \S+/run$") as caught:
        train(recipe, pairs, tmp_path / "run", loggers=[stop])
    assert caught.value.run == tmp_path / "run"
    assert (tmp_path / "run/stages/2-refined").exists() == (stage == "2-refined")
    assert load(tmp_path / "run").recipe.name == "pix2pix-l1"  # the last finished stage
    model = resume(tmp_path / "run", progress=Silent())
    assert_same_model(model, load(finished))
    for name in ("1-coarse", "2-refined"):
        assert_same_state(tmp_path / "run/stages" / name, finished / "stages" / name)
    assert sorted(each.name for each in (tmp_path / "run").glob("[!.]*")) == ["final", "stages", "stages.json"]
    assert sorted(each.name for each in (tmp_path / "run/stages").iterdir()) == ["1-coarse", "2-refined"]


def test_a_run_that_crashed_in_its_first_stage_resumes_bit_by_bit(recipe: Recipe, pairs: str, tmp_path: Path, finished: Path) -> None:
    with pytest.raises(PulledPlugError):
        train(recipe, pairs, tmp_path / "run", loggers=[StopInStage("1-coarse", 3, pull_plug)])
    resume(tmp_path / "run", progress=Silent())
    assert_same_state(tmp_path / "run/stages/2-refined", finished / "stages/2-refined")


def test_a_stage_that_has_begun_resumes_without_the_earlier_one(recipe: Recipe, pairs: str, tmp_path: Path, finished: Path) -> None:
    with pytest.raises(PulledPlugError):
        train(recipe, pairs, tmp_path / "run", loggers=[StopInStage("2-refined", 3, pull_plug)])
    shutil.rmtree(tmp_path / "run/stages/1-coarse")
    assert_same_model(resume(tmp_path / "run", progress=Silent()), load(finished))


def test_weights_that_the_model_had_before_the_run_survive_a_stop_between_the_stages(recipe: Recipe, pairs: str, tmp_path: Path) -> None:
    def make_model() -> Model:
        model = build(recipe, rehearsal=False)
        with torch.no_grad():
            next(model.discriminator.parameters()).fill_(0.5)
        return model

    settings: dict[str, Any] = {"sample_every": 0, "progress": Silent(), "log_every": 1}
    whole = fit(make_model(), pairs, tmp_path / "whole", **settings)
    stop = StopInStage("1-coarse", 3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(TrainingInterrupted):
        fit(make_model(), pairs, tmp_path / "run", loggers=[stop], **settings)
    assert_same_model(resume(tmp_path / "run", progress=Silent()), whole)


def test_a_stage_that_has_not_begun_refuses_other_data(recipe: Recipe, pairs: str, tmp_path: Path) -> None:
    data = shutil.copytree(pairs, tmp_path / "data")
    with pytest.raises(TrainingInterrupted):
        train(recipe, str(data), tmp_path / "run", loggers=[StopInStage("1-coarse", 3, lambda: os.kill(os.getpid(), signal.SIGINT))])
    for side in ("a", "b"):
        (data / "train" / side / "7.png").unlink()
    with pytest.raises(ConfigChangedError, match=r"data.*fingerprint"):
        resume(tmp_path / "run", progress=Silent())


def test_a_repaired_file_is_accepted_by_all_stages_and_a_replaced_one_by_none(recipe: Recipe, pairs: str, tmp_path: Path) -> None:
    data = shutil.copytree(pairs, tmp_path / "data")
    bad, other = data / "train/a/3.png", data / "train/a/5.png"
    good, content = bad.read_bytes(), other.read_bytes()
    bad.write_bytes(good[:100])
    with pytest.raises(DataError, match=r'"train/a/3\.png" is damaged.*then resume: i2ikit train --resume '):
        train(recipe, str(data), tmp_path / "run")
    bad.write_bytes(good)
    other.write_bytes((data / "train/a/6.png").read_bytes()[: len(content)].ljust(len(content), b"x"))
    with pytest.raises(ConfigChangedError, match=r'content.*"train/a/5\.png"'):
        resume(tmp_path / "run", progress=Silent())
    other.write_bytes(content)
    assert resume(tmp_path / "run", progress=Silent()).steps_done == 4


# -- what is refused


def test_all_stages_are_checked_before_the_first_one_is_trained(recipe: Recipe, pairs: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(OptionError, match=r"steps=3 does not say of which stage \(coarse, refined\)"):
        train(recipe, pairs, run, steps=3)
    with pytest.raises(OptionError, match='no data for stage "refined"'):
        train(recipe, {"coarse": pairs}, run)
    with pytest.raises(UnknownNameError, match='No stage is called "fine"'):
        train(recipe, {"fine": pairs}, run)
    with pytest.raises(OptionError, match='Stage "coarse" has a Python function'):
        train(recipe.with_overrides(stages={"coarse": {"terms": {"translator/l1": lambda t: t.fake.mean()}}}), pairs, run)
    grey = open_data(pairs, source_channels=1)
    with pytest.raises(CheckpointError, match=r'"stage:coarse" do not fit.* has shape'):
        train(recipe.with_overrides(stages={"coarse": {"source_channels": 1}}), {"coarse": grey, "refined": pairs}, run)
    with pytest.raises(DataError):
        train(recipe, {"coarse": pairs, "refined": open_data("faces:count=8,size=16")}, run)
    with pytest.raises(OptionError, match=r"stages .*coarse.*, and start_run trains one model"), start_run(build(recipe), pairs, run):
        pass
    assert not run.exists()


def test_a_finished_run_is_neither_overwritten_nor_changed(recipe: Recipe, pairs: str, finished: Path) -> None:
    with pytest.raises(OptionError, match=r"already holds a run with stages.*--resume"):
        train(recipe, pairs, finished)
    for name, value in (("steps", 9), ("seed", 1), ("recipe", recipe), ("model", build(recipe))):
        with pytest.raises(OptionError, match=f"does not accept {name}"):
            resume(finished, **{name: value})


# -- the command line


@pytest.fixture
def skip_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")


@pytest.mark.usefixtures("skip_tuning")
def test_one_command_trains_a_recipe_file_with_stages(
    recipe: Recipe, pairs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = str(tmp_path / "run"), str(tmp_path / "refined.toml")
    assert recipe.stages
    command = ["train", file, "--data", pairs, "--run", run, "--sample-every", "0", "--no-eval", "--pairs", "a,b"]
    assert main([*command, "--steps", "3"]) == 2
    assert "--set stages.coarse.steps=N" in capsys.readouterr().err
    assert main([*command, "--init-from", run]) == 2
    assert main([*command, "--set", "stages.coarse.step=2"]) == 2
    assert 'Did you mean "steps"' in capsys.readouterr().err
    assert main([*command, "--set", "stages.coarse.steps=2", "--set", "steps=2"]) == 0
    output = capsys.readouterr().out
    assert 'Stage 1 of 2: "coarse".' in output
    assert 'Stage 2 of 2: "refined".' in output
    assert output.endswith(f"Done: {run}/stages/2-refined/index.html\n")
    assert (tmp_path / "run/stages/1-coarse/index.html").exists()
    assert main(["translate", run, f"{pairs}/train/a/0.png", str(tmp_path / "out.png")]) == 0
    assert main(["train", "--resume", run, "--no-eval"]) == 0
    assert main(["train", "--resume", run, "--lr", "0.1"]) == 2
    assert "does not accept --lr" in capsys.readouterr().err
    assert load(run).steps_done == 2


def test_minutes_are_divided_by_the_steps_of_the_stages(
    recipe: Recipe, pairs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[float] = []
    monkeypatch.setattr("i2ikit.train.new_run.plan_steps", lambda _trainer, minutes: Plan(found.append(minutes) or 2, 0.1, 0.0))
    train(recipe, pairs, tmp_path / "run", minutes=14, progress=Lines())
    assert found == [6, 8]
