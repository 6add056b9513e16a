"""Values of options that no command accepts, and two answers to one question."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from campaigns.command_lines import make_contradictions
from campaigns.outcome import run_command
from toy_training import train

SMALL = (
    "train", "stargan-fast", "--data", "faces:count=24,size=16", "--size", "16", "--batch", "4", "--set", "generator.width=4", "--set",
    "generator.blocks=1", "--set", "discriminator.width=4", "--set", "discriminator.depth=2", "--dry-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "finished"
    train(run, 2)
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workers", "99999999999999999999"], "--workers"),
        (["--workers", "5000"], "it must be a whole number from 0 to 1024"),
        (["--seed", "99999999999999999999"], "--seed"),
        (["--seed", "1" * 5000], "--seed"),
        (["--minutes", "nan"], "'nan' is not a finite number"),
        (["--minutes", "inf"], "'inf' is not a finite number"),
        (["--minutes", "-5"], "it must be a number above 0"),
        (["--lr", "nan"], "'nan' is not a finite number"),
        (["--lr", "-1"], "it must be a number of 0 or more"),
        (["--devices", "²"], "it must be the number of devices"),
        (["--devices", "abc"], "it must be the number of devices"),
        (["--devices", "0,1", "--accelerator", "cpu"], "is not available"),
        (["--accelerator", "tpu"], "is not available"),
        (["--accelerator", "nope"], "is not available"),
        (["--accelerator", ""], "it is empty"),
        (["--run", ""], "it is empty"),
        (["--run", "/dev/null"], "cannot be created"),
        (["--data", ""], "it is empty"),
        (["--allow-change", "recipe.steps"], "--allow-change belongs to --resume"),
        (["--best", "nope"], "--best nope is not among the numbers of the evaluation"),
        (["--accumulate", "3"], "cannot be divided"),
        (["--steps", "3", "--steps", "4"], "--steps is given 2 times"),
        (["--set", "seed=5"], "Write --seed 5."),
    ],
)
def test_a_dry_run_refuses_what_a_start_refuses(words: list[str], message: str, run_cli) -> None:
    result = run_cli(*SMALL, *words)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_dry_run_refuses_a_batch_that_the_data_cannot_fill(run_cli) -> None:
    words = [*SMALL]
    words[words.index("4")] = "1000"
    result = run_cli(*words)
    assert result.code == 2
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("size", ["0", "²", "-1", "16x", "9999999", "1" * 5000, "16x16x16", "1e3"])
def test_a_size_that_is_none_is_refused(size: str, run_cli) -> None:
    words = [*SMALL]
    words[words.index("16")] = size
    result = run_cli(*words)
    assert result.code == 2
    assert "is not a size" in result.err


def test_a_dry_run_that_could_start_prints_steps_batch_and_model(run_cli) -> None:
    result = run_cli(*SMALL, "--steps", "7")
    assert (result.code, result.err) == (0, "")
    assert "7 steps with batch size 4; run folder: not given" in result.out


@pytest.mark.parametrize("words", [*make_contradictions(Path("run"), Path("out"))])
def test_two_answers_to_one_question_are_refused(words: list[str]) -> None:
    outcome = run_command(words)
    assert (outcome.problem, outcome.code) == ("", 2)
    assert "Give only one of them" in outcome.error or "Give it once" in outcome.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--official"], "--resume does not accept --official"),
        (["--seed", "1"], "--resume does not accept --seed"),
        (["--pairs", "a,b"], "--resume does not accept --pairs"),
        (["--run", "other"], "--resume does not accept --run"),
        (["stargan"], "--resume does not accept RECIPE"),
        (["--data", "faces:count=24,size=16", "--data", "faces:count=24,size=16"], "expected 1"),
        (["--allow-change", "recipe.step"], 'Did you mean "recipe.steps"'),
        (["--steps", "4", "--set", "steps=3"], "Give only one of them"),
    ],
)
def test_a_resumed_run_refuses_options_that_it_would_ignore(run: Path, words: list[str], message: str, run_cli) -> None:
    result = run_cli("train", "--resume", run, "--no-eval", *words)
    assert result.code == 2
    assert message in result.err


def test_faces_are_not_made_in_the_root_of_the_disk(run_cli) -> None:
    result = run_cli("data", "make", "faces", "/", "--count", "1", "--size", "16")
    assert (result.code, result.err) == (2, 'error: "/" is not empty. Choose a new or empty folder for the faces.\n')


@pytest.mark.parametrize("name", ["train", "translate", "eval"])
def test_the_help_shows_only_limits_that_an_option_declares(run_cli, name) -> None:
    shown = run_cli(name, "--help").out
    assert "None]" not in shown
    assert "RANGE" not in shown
    assert "000000" not in shown
    assert "[x>=1]" in shown
