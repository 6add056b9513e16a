"""The files that a training writes, and how it handles errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from toy_training import DATA, LABELS, CallAtStep, assert_same_state, make_model, read_losses, read_state, train

from i2ikit import Term, load, open_data
from i2ikit.core import storage
from i2ikit.errors import CheckpointError, DataError, NonFiniteLossError, OptionError
from i2ikit.train import fit, resume
from i2ikit.train.progress import Lines, Silent


def faces() -> Any:
    return open_data(DATA, labels=LABELS)


def test_two_trainings_of_one_seed_are_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train(tmp_path / name)
    assert_same_state(tmp_path / "one", tmp_path / "two")
    assert read_losses(tmp_path / "one") == read_losses(tmp_path / "two")


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    train(tmp_path / "one", 2)
    train(tmp_path / "two", 2, seed=1)
    assert read_losses(tmp_path / "one") != read_losses(tmp_path / "two")


def test_the_global_random_states_are_restored(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    train(tmp_path / "run", 1)
    assert torch.equal(before, torch.get_rng_state())


def test_training_moves_every_weight_and_the_loss_of_a_fixed_batch_falls(tmp_path: Path) -> None:
    fresh = make_model(ema=0.0, lr=2e-3)
    batch = fresh.example_batch(8)
    start = [each.detach().clone() for each in fresh.parameters()]
    first = float(fresh.step(batch)["translator/cycle"])
    fresh = make_model(ema=0.0, lr=2e-3)
    done = train(tmp_path / "run", 60, model=fresh, log_every=20)
    assert all(not torch.equal(a, b) for a, b in zip(start, done.parameters(), strict=True))
    assert read_losses(tmp_path / "run")[-1]["translator/cycle"] < 0.6 * first


def test_a_run_holds_configuration_log_checkpoint_samples_and_the_final_model(tmp_path: Path) -> None:
    model = train(tmp_path / "run", 4, sample_every=2)
    run = tmp_path / "run"
    assert {each.name for each in run.glob("[!.]*")} == {"run.json", "log.jsonl", "checkpoints", "samples", "final"}
    assert {each.name for each in (run / "samples").iterdir()} >= {f"step-0000000{each}.png" for each in (0, 2, 4)}
    again = load(run / "final")
    assert again.steps_done == 4
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_the_configuration_of_a_run_is_complete_and_has_no_path_of_the_machine(tmp_path: Path) -> None:
    train(tmp_path / "run", 1)
    data = json.loads((tmp_path / "run/run.json").read_text())
    assert set(data) == {"recipe", "seed", "preprocessing", "data", "train", "versions", "command"}
    assert data["data"]["path"] == DATA
    assert data["data"]["options"] == {"labels": list(LABELS)}
    assert data["recipe"]["steps"] == 1
    assert str(tmp_path) not in json.dumps({key: value for key, value in data.items() if key != "command"})


def test_a_line_of_the_log_has_step_time_losses_rate_and_speed(tmp_path: Path) -> None:
    train(tmp_path / "run", 4, log_every=2)
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    terms = {"discriminator/adversarial", "discriminator/domain", "translator/adversarial", "translator/domain", "translator/cycle"}
    assert [line["step"] for line in lines] == [2, 4]
    assert all(set(line) == {"step", "seconds", *terms, "lr", "images_per_second", "loader_share"} for line in lines)
    assert lines[0]["seconds"] < lines[1]["seconds"]


def test_the_learning_rate_in_the_log_follows_the_schedule(tmp_path: Path) -> None:
    train(tmp_path / "run", 8, overrides={"lr": 1e-3})
    rates = [line["lr"] for line in read_losses(tmp_path / "run")]
    assert rates == pytest.approx([1e-3] * 5 + [0.75e-3, 0.5e-3, 0.25e-3])


def test_micro_batches_equal_the_big_batch(tmp_path: Path) -> None:
    sgd = {"players": {name: {"optimizer": {"name": "sgd", "lr": 0.05}} for name in ("discriminator", "translator")}, "ema": 0.0}
    one, two = train(tmp_path / "one", 3, overrides=sgd), train(tmp_path / "two", 3, overrides=sgd, accumulate=2)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_a_batch_that_does_not_divide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"batch of 4 .* 1 processes x 3 micro-batches.* multiple of 3"):
        train(tmp_path / "run", 1, accumulate=3)


class Broken:
    """A logger that always fails."""

    def __init__(self) -> None:
        self.calls = 0

    def start(self, run: Path, done: int) -> None:
        pass

    def write(self, record: Mapping[str, Any]) -> None:
        self.calls += 1
        raise RuntimeError("no such host")

    def close(self) -> None:
        raise AssertionError("a removed logger is closed")


def test_a_logger_that_raises_is_removed_and_the_training_continues(tmp_path: Path) -> None:
    broken = Broken()
    with pytest.warns(UserWarning, match=r"Broken failed \(RuntimeError: no such host\)") as caught:
        train(tmp_path / "run", 4, loggers=[broken])
    assert len(caught) == 1
    assert broken.calls == 1
    assert len(read_losses(tmp_path / "run")) == 4


def test_tensorboard_gets_every_number(tmp_path: Path) -> None:
    from i2ikit.train import TensorBoard

    train(tmp_path / "run", 2, loggers=[TensorBoard()])
    assert [each.name.startswith("events.out") for each in (tmp_path / "run/tensorboard").iterdir()] == [True]


class NanAfter:
    """A cycle loss that becomes NaN after a number of steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self, t: Any) -> torch.Tensor:
        self.left -= 1
        return (t.cycle - t.real).abs().mean() * (1.0 if self.left >= 0 else float("nan"))


def test_a_loss_that_is_not_finite_stops_the_training_with_term_step_and_files_and_finite_weights(tmp_path: Path) -> None:
    model = make_model()
    model.losses["translator/cycle"] = NanAfter(5)
    with pytest.raises(NonFiniteLossError, match=r'"translator/cycle".*step 6') as caught:
        train(tmp_path / "run", 12, model=model, checkpoint_every=2)
    assert caught.value.terms == ("translator/cycle",)
    stopped = json.loads((tmp_path / "run/stopped.json").read_text())
    assert (stopped["terms"], stopped["step"], len(stopped["files"])) == (["translator/cycle"], 6, 4)
    assert all(torch.isfinite(each).all() for each in model.parameters())
    assert read_state(tmp_path / "run")[1]["step"] == 4  # the step of the failure is not saved, though a checkpoint was due
    assert not (tmp_path / "run/final").exists()


def test_a_full_disk_stops_the_training_and_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, calls = storage.write_tensors, []

    def write_on_full_disk(path: Path, tensors: Any) -> None:
        calls.append(path)
        if len(calls) > 4:  # two files a checkpoint: steps 0 and 2 are written, step 4 is not
            path.write_bytes(b"half of ")
            raise OSError(28, "No space left on device")
        write(path, tensors)

    monkeypatch.setattr(storage, "write_tensors", write_on_full_disk)
    with pytest.raises(CheckpointError, match=r"step-00000004.* cannot be written: .*No space left on device"):
        train(tmp_path / "run", 8, checkpoint_every=2)
    assert sorted(each.name for each in (tmp_path / "run/checkpoints").iterdir()) == ["step-00000000", "step-00000002"]
    monkeypatch.undo()
    resume(tmp_path / "run", progress=Silent())
    train(tmp_path / "whole", 8, checkpoint_every=2)
    assert_same_state(tmp_path / "whole", tmp_path / "run")


def test_minutes_become_steps_that_are_saved_in_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = make_model()
    done = fit(model, faces(), tmp_path / "run", minutes=0.01, sample_every=0, progress=Lines())
    steps = json.loads((tmp_path / "run/run.json").read_text())["recipe"]["steps"]
    assert done.steps_done == steps >= 1
    assert f"{steps:,} steps" in capsys.readouterr().out


def test_planning_by_time_does_not_change_the_training(tmp_path: Path) -> None:
    fit(make_model(), faces(), tmp_path / "minutes", minutes=0.005, log_every=1, sample_every=0, progress=Silent())
    steps = json.loads((tmp_path / "minutes/run.json").read_text())["recipe"]["steps"]
    fit(make_model(), faces(), tmp_path / "steps", steps=steps, log_every=1, sample_every=0, progress=Silent())
    assert_same_state(tmp_path / "minutes", tmp_path / "steps")


def test_plain_lines_show_the_plan_and_then_the_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "run", 3, progress=Lines(pause=0.0))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'Training stargan-fast at 16x16 on "faces" (21 images).'
    assert lines[1].startswith("3 steps of 4 images on cpu, 32-true;")
    assert lines[2].startswith("step 1/3")
    assert "translator adversarial" in lines[2]


def test_a_slow_loader_gives_one_hint(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(pause=0.0)
    lines.begin(0, 3)
    for done in (1, 2, 3):
        lines.report({"step": done, "loader_share": 0.6, "translator/cycle": 0.1})
    assert capsys.readouterr().out.count("Loading images takes 60% of the time") == 1


def test_a_length_below_the_steps_of_the_model_is_refused(tmp_path: Path) -> None:
    model = make_model()
    model.steps_done = 5
    with pytest.raises(OptionError, match="trained for 5 steps"):
        train(tmp_path / "run", 5, model=model)


def test_a_run_whose_recipe_holds_a_function_is_resumed_with_the_model(tmp_path: Path) -> None:
    def plain_cycle(t: Any) -> torch.Tensor:
        return (t.cycle - t.real).abs().mean()

    overrides = {"terms": {"translator/cycle": Term(plain_cycle, 10.0)}}
    train(tmp_path / "run", 2, overrides=overrides)
    with pytest.raises(CheckpointError, match=r'"translator/cycle" of .* Python function.*resume\(run, model='):
        resume(tmp_path / "run", progress=Silent())
    assert resume(tmp_path / "run", model=make_model(**overrides), progress=Silent()).steps_done == 2


def test_a_logger_gets_a_record_of_each_logged_step(tmp_path: Path) -> None:
    steps: list[int] = []
    train(tmp_path / "run", 3, loggers=[CallAtStep(3, lambda: steps.append(3))])
    assert steps == [3]


def test_the_training_is_saved_if_a_file_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.train.batches import Batches

    original = Batches.next

    def fail(self: Batches) -> Any:
        if self.loaders[0].state() == {"epoch": 0, "index": 3}:
            raise DataError('Image "7.png" is damaged.')
        return original(self)

    monkeypatch.setattr(Batches, "next", fail)
    with pytest.raises(DataError, match=r'Image "7.png" is damaged\. .*saved after step 3.*--resume'):
        train(tmp_path / "run", 5)
    monkeypatch.undo()
    resume(tmp_path / "run", progress=Silent())
    train(tmp_path / "whole", 5)
    assert_same_state(tmp_path / "run", tmp_path / "whole")


def test_a_step_in_which_no_player_plays_is_logged(tmp_path: Path) -> None:
    waiting = make_model(players={name: {"every": 2} for name in ("discriminator", "translator")})
    train(tmp_path / "run", 3, model=waiting)
    assert [("translator/cycle" in line) for line in read_losses(tmp_path / "run")] == [False, True, False]


def test_preprocessing_is_saved_with_the_model(tmp_path: Path) -> None:
    for index in range(8):
        path = tmp_path / "data" / "ab"[index % 2] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), (index * 30, 0, 0)).save(path)
    data = open_data(tmp_path / "data", batch_kind="labelled", channels=1, crop=8, background="white")
    model = make_model(labels=data.domain, channels=1)
    trained = fit(model, data, tmp_path / "run", steps=1, sample_every=0, progress=Silent())
    assert load(tmp_path / "run").preprocessing == trained.preprocessing
    expected = {"background": "white", "crop": [8, 8], "channels": 1, "source_channels": None, "size": [16, 16], "data": ["data"]}
    assert trained.preprocessing == expected
