"""``i2ikit train`` on the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
import torch
import toy_training

from i2ikit import default_registry, load
from i2ikit.cli import main, settings
from i2ikit.cli.after_training import finish_run
from i2ikit.core.slot import Slot
from i2ikit.cpu import tune_cpu
from i2ikit.errors import I2IKitError, OptionError
from i2ikit.pixels import write_image
from i2ikit.train.progress import Lines

DATA = "faces:count=24,size=16"
TINY = [
    part
    for each in ("generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2")
    for part in ("--set", each)
]
TRAIN = ["train", "stargan-fast", "--data", DATA, *TINY, "--batch", "4", "--sample-every", "0", "--no-eval"]


@pytest.fixture(autouse=True)
def train_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip evaluation and page after a training, which have their own tests, and the tuning of this process's memory allocator."""
    monkeypatch.setattr("i2ikit.cli.train.finish_run", lambda *_: 0)
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")


def test_train_shows_its_plan_and_writes_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN, "--labels", " hair, glasses", "--steps", "2", "--run", str(run), "--lr", "1e-3", "--ema", "0.5"]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"Training stargan-fast on {DATA}; loading torch")
    assert "The images are 16x16; training at 16x16" in output
    model = load(run / "final")
    assert [each.name for each in model.domain.attributes] == ["hair", "glasses"]
    assert (model.recipe.ema, model.recipe.steps, model.recipe.batch) == (0.5, 2, 4)
    assert {player.optimizer.lr for player in model.recipe.players} == {1e-3}
    assert model.preprocessing == {
        "background": None,
        "crop": None,
        "size": [16, 16],
        "channels": None,
        "source_channels": None,
        "data": ["faces"],
    }


def test_resume_requires_no_other_option_and_reports_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    assert main([*TRAIN, "--steps", "2", "--run", run]) == 0
    assert main(["train", "--resume", run]) == 0
    assert main(["train", "--resume", run, "--steps", "4"]) == 2
    assert "recipe.steps: 2 -> 4" in capsys.readouterr().err
    assert main(["train", "--resume", run, "--set", "players.translator.lr=0.5"]) == 2
    assert "recipe.players.translator.optimizer.lr: 0.0004 -> 0.5" in capsys.readouterr().err
    assert main(["train", "--resume", run, "--steps", "4", "--allow-change", "recipe.steps"]) == 0
    history = json.loads((tmp_path / "run/run.json").read_text())["changes"]
    assert history == [{"step": 2, "changed": {"recipe.steps": [2, 4]}}]


def test_a_finished_run_is_evaluated_on_resume_only_if_it_is_requested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, evaluated = str(tmp_path / "run"), []
    monkeypatch.setattr("i2ikit.cli.train.finish_run", lambda _run, with_evaluation, _progress: evaluated.append(with_evaluation) or 0)
    assert main([*TRAIN, "--steps", "1", "--run", run]) == 0
    assert main(["train", "--resume", run]) == 0
    assert main(["train", "--resume", run, "--eval"]) == 0
    assert main(["train", "--resume", run, "--steps", "2", "--allow-change", "recipe.steps"]) == 0
    assert evaluated == [False, False, True, True]


def test_a_resumed_run_has_the_same_number_of_data_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    assert main([*TRAIN, "--steps", "1", "--run", run]) == 0
    assert main(["train", "--resume", run, "--data", DATA, "--data", DATA]) == 2
    assert capsys.readouterr().err == f'error: Number of data sets: expected 1 as in "{run}", found 2.\n'


def test_init_from_starts_from_the_weights_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "1", "--run", str(tmp_path / "one")]) == 0
    assert (
        main(["train", "--init-from", str(tmp_path / "one"), "--data", DATA, "--steps", "1", "--run", str(tmp_path / "two"), "--lr", "0"])
        == 0
    )
    (one, _), (two, _) = toy_training.read_state(tmp_path / "one"), toy_training.read_state(tmp_path / "two")
    toy_training.assert_same_networks(one, two)
    other = ["train", "--init-from", str(tmp_path / "one"), "--data", DATA, "--labels", "hair", "--run", str(tmp_path / "three")]
    assert main(other) == 2
    assert "was trained with the labels hair=black" in capsys.readouterr().err


def test_init_from_needs_no_run_from_which_a_slot_of_the_initial_model_came(tmp_path: Path) -> None:
    first, one, two = (str(tmp_path / name) for name in ("first", "one", "two"))
    assert main([*TRAIN, "--steps", "1", "--run", first]) == 0
    assert main([*TRAIN, "--steps", "1", "--run", one, "--set", f"slots.generator.weights={first}"]) == 0
    shutil.rmtree(first)
    assert main(["train", "--init-from", one, "--data", DATA, "--steps", "1", "--run", two, "--lr", "0"]) == 0
    (before, _), (after, _) = toy_training.read_state(Path(one)), toy_training.read_state(Path(two))
    toy_training.assert_same_networks(before, after)


def test_a_recipe_file_is_trained_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.toml"
    file.write_text('extends = "stargan-fast"\nsteps = 7\ngenerator = {width = 4, blocks = 1}\ndiscriminator = {width = 4, depth = 2}\n')
    assert main(["train", str(file), "--data", DATA, "--batch", "4", "--dry-run"]) == 0
    assert "7 steps with batch size 4" in capsys.readouterr().out
    file.write_text('extends = "stargan-fast"\nstep = 7\n')
    assert main(["train", str(file), "--data", DATA, "--dry-run"]) == 2
    assert 'Did you mean "steps"' in capsys.readouterr().err


def test_a_dry_run_shows_the_model_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "7", "--run", str(tmp_path / "run"), "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert "7 steps with batch size 4" in output
    assert "stargan_generator (width=4" in output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "There is no data to train on."),
        (["train", "stargan", "--data", "faces"], "There is no run folder. Name one: --run runs/NAME."),
        (["train", "--data", "faces", "--run", "r"], "There is no recipe to train."),
        (["train", "stargann", "--data", "faces", "--run", "r"], 'No recipe is called "stargann". Did you mean "stargan"'),
        (["train", "stargan", "--data", "no/such", "--run", "r"], 'There is no data at "no/such"'),
        (["train", "stargan", "--data", "faces", "--run", "r", "--size", "big"], '--size "big" is not a size.'),
        (["train", "stargan", "--data", "faces", "--run", "r", "--set", "generator.widht=3"], "widht"),
        (["train", "stargan", "--data", "faces", "--run", "r", "--labels", "hairr"], "hairr"),
        (["train", "stargan", "--data", "faces", "--run", "r", "--labels", " , "], '--labels " , " names no attribute.'),
        (["train", "stargan", "--data", "no", "--run", "r", "--background", "whit"], 'is not a colour. Did you mean "white", '),
        (["train", "stargan", "--data", "no", "--run", "r", "--precision", "fp16"], 'No precision is called "fp16".'),
        (["train", "stargan", "--data", "no", "--run", "r", "--accumulate", "0"], '"accumulate" of the training is 0'),
        (
            ["train", "stargan", "--data", DATA, "--run", "r", "--size", "32", "--set", "size=64"],
            "Both --size and --set size are given. Give only one of them.",
        ),
        ([*TRAIN, "--run", "r", "--set", "batch=3"], "Both --batch and --set batch are given."),
        ([*TRAIN, "--labels", "hair", "--run", "r", "--best", "pnsr"], "--best pnsr is not among the numbers of the evaluation. Did you"),
        (["train", "--resume", "no/run"], 'There is no run at "no/run"'),
        (["train", "stargan", "--resume", "no/run"], "--resume does not accept RECIPE"),
        (
            ["train", "stargan", "--data", "faces", "--run", "r", "--steps", "2", "--minutes", "1"],
            "Both steps and minutes are given.",
        ),
    ],
)
def test_bad_input_gives_one_line_and_writes_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_data_without_labels_is_refused_for_a_recipe_that_requires_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        write_image(torch.rand(3, 16, 16) * 2 - 1, tmp_path / "my photos" / f"{number}.png")
    assert main(["train", "stargan", "--data", str(tmp_path / "my photos"), "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f'Recipe "stargan" requires labels, but "{tmp_path / "my photos"}" has none.' in error
    assert error.endswith(f"i2ikit data check '{tmp_path / 'my photos'}'\n")


def test_ctrl_c_before_the_first_step_shows_how_to_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        fit_module = import_module("i2ikit.train.new_run")
        patch.setattr(fit_module, "plan_steps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main([*TRAIN, "--minutes", "1", "--run", str(tmp_path / "run")]) == 130
    output = capsys.readouterr()
    assert output.out.endswith("Nothing was saved. To start again, repeat the command.\n")
    assert output.err == ""
    assert main([*TRAIN, "--steps", "1", "--run", str(tmp_path / "run")]) == 0


def test_ctrl_c_during_the_evaluation_keeps_the_model_and_shows_how_to_evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("i2ikit.evaluation.evaluate_run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    assert finish_run(tmp_path / "a run", True, Lines()) == 130
    command = f"i2ikit eval '{tmp_path / 'a run'}'"
    assert capsys.readouterr().out.endswith(f"The trained model is saved. To evaluate it: {command}\n")


def test_the_best_model_is_saved_and_a_resumed_run_continues_the_evaluations(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN, "--labels", "hair", "--steps", "2", "--evaluate-every", "1", "--best", "-mae", "--run", str(run)]) == 0
    assert load(run / "best").steps_done in (1, 2)
    assert main(["train", "--resume", str(run), "--steps", "3", "--allow-change", "recipe.steps"]) == 0
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    evaluations = [line for line in lines if line.get("event") == "evaluated"]
    assert [line["step"] for line in evaluations] == [1, 2, 3]
    assert {"psnr", "mae", "psnr/hair"} <= set(evaluations[0])


def test_settings_reach_slots_terms_players_and_schedule() -> None:
    recipe = default_registry().recipe("stargan")
    overrides = [
        "generator.width=8",
        "terms.translator/cycle=5",
        "terms.discriminator/penalty.eps=1e-8",
        "players.discriminator.every=2",
        "players.translator.lr=3e-4",
    ]
    changed = settings.apply_settings(recipe, [*overrides, "schedule.kind=constant", "batch=8", "flip=false"])
    assert changed.slots["generator"].options["width"] == 8
    assert changed.player("translator").terms["cycle"].weight == 5
    assert changed.player("discriminator").terms["penalty"].options["eps"] == 1e-8
    assert (changed.player("discriminator").every, changed.player("translator").optimizer.lr) == (2, 3e-4)
    assert (changed.schedule.kind, changed.batch, changed.flip) == ("constant", 8, False)


def test_a_setting_can_replace_a_component_and_set_its_options() -> None:
    recipe = default_registry().recipe("stargan")
    assert settings.apply_settings(recipe, ["generator=first", "generator=second"]).slots["generator"] == Slot("second")
    changed = settings.apply_settings(recipe, ["generator=munit_decoder", "generator.width=4"])
    assert changed.slots["generator"] == Slot("munit_decoder", {"width": 4})


def test_the_settings_of_a_slot_are_set_by_its_name() -> None:
    recipe = default_registry().recipe("cyclegan")
    texts = ["slots.generator.frozen=true", "generator.width=8", "slots.generator.weights=runs/gan"]
    changed = settings.apply_settings(recipe, texts).slots["generator"]
    assert (changed.frozen, changed.per, changed.options["width"], changed.weights) == (True, "pair", 8, "runs/gan")
    for texts in (
        ["slots.discriminator.per=pair", "discriminator=cogan_discriminator"],
        ["discriminator=cogan_discriminator", "slots.discriminator.per=pair"],
    ):
        assert settings.apply_settings(recipe, texts).slots["discriminator"] == Slot("cogan_discriminator", per="pair")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("generator.per=domain", r"is a setting of the slot .generator.\. Write --set slots\.generator\.per=domain"),
        ("slots.generater.per=domain", 'No slot is called "generater". Did you mean "generator"'),
        ("slots.generator.width=8", r'"width" is an option of "cyclegan_generator".*generator.width=VALUE'),
        ("slots.generator.wide=8", 'No setting of a slot is called "wide". Available: '),
        ("discriminator.lr=1e-4", r'is a setting of the player "discriminator". Write --set players.discriminator.lr=1e-4'),
        ("width=8", r"The size of the images is size=\(height, width\).*generator.width=8"),
        ("players.translator=3", "names no setting of this player"),
    ],
)
def test_a_misplaced_setting_of_a_slot_is_refused_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(I2IKitError, match=message):
        settings.apply_settings(default_registry().recipe("cyclegan"), [text])


def test_the_error_for_a_setting_without_a_value_shows_an_example() -> None:
    with pytest.raises(OptionError, match=r'--set "width" is not of the form KEY=VALUE\. .*--set generator\.width=32'):
        settings.apply_settings(default_registry().recipe("stargan"), ["width"])


@pytest.mark.slow
def test_ctrl_c_on_the_command_line_exits_with_130_and_shows_how_to_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "i2ikit", *TRAIN, "--steps", "100000", "--log-every", "1", "--run", str(run)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 120
    while not (run / "log.jsonl").exists() or not (run / "log.jsonl").read_text():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert out.splitlines()[-1].endswith(f"i2ikit train --resume {run}")
    assert errors == ""


@pytest.mark.slow
def test_tuning_the_allocator_returns_a_reason_if_it_fails() -> None:
    code = "from i2ikit.cpu import tune_cpu; print(repr(tune_cpu()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "''" or sys.platform != "linux"
    assert callable(tune_cpu)
