"""``i2ikit train`` on the command line."""

from __future__ import annotations

import json
import os
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
from i2ikit.cli.after_training import conclude
from i2ikit.core.overrides import apply_overrides
from i2ikit.core.recipe import Slot
from i2ikit.cpu import tune_cpu
from i2ikit.errors import OptionError
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
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what follows a training, which has tests of its own, and the setting of this process's memory."""
    monkeypatch.setattr("i2ikit.cli.train.conclude", lambda *_: 0)
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")


def test_train_says_what_it_does_and_leaves_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN, "--labels", " hair, glasses", "--steps", "2", "--run", str(run), "--lr", "1e-3", "--ema", "0.5"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Training stargan-fast on {DATA}; starting torch")
    assert "Images are 16x16; training at 16x16" in said
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


def test_resume_needs_nothing_else_and_reports_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    assert main([*TRAIN, "--steps", "2", "--run", run]) == 0
    assert main(["train", "--resume", run]) == 0
    assert main(["train", "--resume", run, "--steps", "4"]) == 2
    assert "started otherwise: recipe.steps: 2 -> 4" in capsys.readouterr().err
    assert main(["train", "--resume", run, "--set", "players.translator.lr=0.5"]) == 2
    assert "recipe.players.translator.optimizer.lr: 0.0004 -> 0.5" in capsys.readouterr().err
    assert main(["train", "--resume", run, "--steps", "4", "--allow-change", "recipe.steps"]) == 0
    history = json.loads((tmp_path / "run/run.json").read_text())["changes"]
    assert history == [{"step": 2, "changed": {"recipe.steps": [2, 4]}}]


def test_init_from_begins_with_the_weights_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "1", "--run", str(tmp_path / "one")]) == 0
    assert (
        main(["train", "--init-from", str(tmp_path / "one"), "--data", DATA, "--steps", "1", "--run", str(tmp_path / "two"), "--lr", "0"])
        == 0
    )
    (one, _), (two, _) = toy_training.state(tmp_path / "one"), toy_training.state(tmp_path / "two")
    assert all((one[name] == two[name]).all() for name in one if name.startswith("model/nets."))
    other = ["train", "--init-from", str(tmp_path / "one"), "--data", DATA, "--labels", "hair", "--run", str(tmp_path / "three")]
    assert main(other) == 2
    assert "was trained with the labels hair=black" in capsys.readouterr().err


def test_a_dry_run_shows_the_model_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--steps", "7", "--run", str(tmp_path / "run"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "7 steps of batch 4" in said
    assert "stargan_generator (width=4" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "There is no data to train on."),
        (["train", "stargan", "--data", "faces"], "There is no folder for the run. Name one: --run runs/NAME."),
        (["train", "--data", "faces", "--run", "r"], "There is no recipe to train."),
        (["train", "stargann", "--data", "faces", "--run", "r"], 'No recipe is called "stargann". Did you mean "stargan"'),
        (["train", "stargan", "--data", "no/such", "--run", "r"], 'There is no data at "no/such"'),
        (["train", "stargan", "--data", "faces", "--run", "r", "--size", "big"], "--size big is no size."),
        (["train", "stargan", "--data", "faces", "--run", "r", "--set", "generator.widht=3"], "widht"),
        (["train", "stargan", "--data", "faces", "--run", "r", "--labels", "hairr"], "hairr"),
        (["train", "stargan", "--data", "faces", "--run", "r", "--labels", " , "], '--labels " , " names no attribute.'),
        (["train", "stargan", "--data", "no", "--run", "r", "--background", "whit"], 'is no colour. Did you mean "white", '),
        (["train", "--resume", "no/run"], 'There is no run at "no/run"'),
        (["train", "stargan", "--resume", "no/run"], "--resume goes on with a run as it is and takes no recipe."),
        (
            ["train", "stargan", "--data", "faces", "--run", "r", "--steps", "2", "--minutes", "1"],
            "Both --steps and --minutes are given.",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_data_without_labels_is_not_given_to_a_recipe_that_learns_from_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        write_image(torch.rand(3, 16, 16) * 2 - 1, tmp_path / "my photos" / f"{number}.png")
    assert main(["train", "stargan", "--data", str(tmp_path / "my photos"), "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert f'Recipe "stargan" learns from labels, and "{tmp_path / "my photos"}" has none.' in error
    assert error.endswith(f"i2ikit data check '{tmp_path / 'my photos'}'\n")


def test_ctrl_c_before_the_first_step_says_what_is_lost_and_how_to_begin_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as pressed:
        fitting = import_module("i2ikit.train.fit")  # of the same name as the function
        pressed.setattr(fitting, "plan_steps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main([*TRAIN, "--minutes", "1", "--run", str(tmp_path / "run")]) == 130
    shown = capsys.readouterr()
    assert shown.out.endswith("nothing was written that counts. The same command starts it again.\n")
    assert shown.err == ""
    assert main([*TRAIN, "--steps", "1", "--run", str(tmp_path / "run")]) == 0


def test_ctrl_c_while_measuring_keeps_the_model_and_says_how_to_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("i2ikit.evaluate.evaluate_run", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert conclude(tmp_path / "a run", True, Lines()) == 130
    command = f"i2ikit eval '{tmp_path / 'a run'}'"
    assert capsys.readouterr().out.endswith(f"Stopped while measuring; the trained model is saved. Measure it with: {command}\n")


def test_the_best_model_is_kept_by_a_number_and_a_resumed_run_goes_on_measuring(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN, "--labels", "hair", "--steps", "2", "--evaluate-every", "1", "--best", "-l1", "--run", str(run)]) == 0
    assert load(run / "best").steps_done in (1, 2)
    assert main(["train", "--resume", str(run), "--steps", "3", "--allow-change", "recipe.steps"]) == 0
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    measured = [line for line in lines if line.get("event") == "evaluated"]
    assert [line["step"] for line in measured] == [1, 2, 3]
    assert {"psnr", "l1", "psnr/hair"} <= set(measured[0])


def test_settings_reach_slots_terms_players_and_schedule() -> None:
    recipe = default_registry().recipe("stargan")
    typed = [
        "generator.width=8",
        "terms.translator/cycle=5",
        "terms.discriminator/penalty.eps=1e-8",
        "players.discriminator.every=2",
        "players.translator.lr=3e-4",
    ]
    after = apply_overrides(recipe, settings.changes([*typed, "schedule.kind=constant", "batch=8", "flip=false"], recipe))
    assert after.slots["generator"].options["width"] == 8
    assert after.player("translator").terms["cycle"].weight == 5
    assert after.player("discriminator").terms["penalty"].options["eps"] == 1e-8
    assert (after.player("discriminator").every, after.player("translator").optimizer.lr) == (2, 3e-4)
    assert (after.schedule.kind, after.batch, after.flip) == ("constant", 8, False)


def test_a_setting_can_name_another_component_and_its_options() -> None:
    recipe = default_registry().recipe("stargan")
    found = settings.changes(["generator=munit_decoder", "generator.width=4"], recipe)
    assert found == {"generator": Slot("munit_decoder", width=4)}


def test_a_setting_without_a_value_says_how_to_write_it() -> None:
    with pytest.raises(OptionError, match=r"--set width is no setting\. Write --set generator\.width=32"):
        settings.changes(["width"], default_registry().recipe("stargan"))


@pytest.mark.slow
def test_ctrl_c_on_the_command_line_ends_with_130_and_the_command_that_goes_on(tmp_path: Path) -> None:
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
    assert out.splitlines()[-1].endswith(f"Go on with: i2ikit train --resume {run}")
    assert errors == ""


@pytest.mark.slow
def test_the_allocator_is_tuned_or_the_reason_is_given() -> None:
    code = "from i2ikit.cpu import tune_cpu; print(repr(tune_cpu()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "''" or sys.platform != "linux"
    assert callable(tune_cpu)
