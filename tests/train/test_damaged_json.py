"""JSON files of a run that were changed or damaged: every command names them in one line, or passes them over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from campaigns.json_files import change_files
from campaigns.outcome import call, run_command
from toy_training import train

from i2ikit import load, resume
from i2ikit.train.loggers import read_log
from i2ikit.train.progress import Silent

COUNT = 30


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "finished"
    train(run, 3, checkpoint_every=1, sample_every=1)
    assert run_command(["eval", str(run), "--no-classifier", "--samples-per-input", "0"]).code == 0
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_changed_files_never_raise_an_error_that_is_no_message(finished: Path, tmp_path: Path) -> None:
    problems = {}
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    for what, file, content in change_files(finished, COUNT, seed=0):
        before = (run / file).read_bytes()
        (run / file).write_bytes(content)
        found = [call(lambda: load(run)), run_command(["page", str(run)]).problem]
        (run / file).write_bytes(before)
        problems |= {what: found} if any(found) else {}
    assert problems == {}


def test_a_changed_state_never_raises_an_error_that_is_no_message(finished: Path, tmp_path: Path) -> None:
    problems = {}
    for what, file, content in change_files(finished, COUNT, seed=1):
        if file.name in {"state.json", "run.json", "log.jsonl"} and len(problems) < 5:
            run = Path(shutil.copytree(finished, tmp_path / "run"))
            (run / file).write_bytes(content)
            found = call(lambda run=run: resume(run, progress=Silent()))
            problems |= {what: found} if found else {}
            shutil.rmtree(run)
    assert problems == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [("step", -5), ("step", 2), ("loaders", 3), ("python_random", [3, [1, 2], None]), ("seconds", "x"), ("window", {"a": [None]})],
)
def test_a_wrong_newest_state_is_passed_over_as_a_cut_one_is(run: Path, key: str, value: object) -> None:
    newest = max(run.glob("checkpoints/*/state.json"))
    newest.write_text(json.dumps({**json.loads(newest.read_text()), key: value}))
    with pytest.warns(UserWarning, match=f'"{key}.*continues from the earlier checkpoint "step-00000002"'):
        model = resume(run, progress=Silent())
    assert model.steps_done == 3


def test_the_message_names_file_key_found_and_expected(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = run / "run.json"
    data = json.loads(file.read_text())
    data["recipe"]["players"][0]["every"] = "two"
    file.write_text(json.dumps(data))
    outcome = run_command(["page", str(run)])
    assert outcome.code == 2
    assert f'"{file}" is damaged: "recipe.players.0.every" is \'two\'; it must be a whole number.' in outcome.error


def test_wrong_records_of_a_log_are_left_out(run: Path) -> None:
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": "x"}\n{"step": -1}\n{"step": NaN}\n[1]\n{"step": 3, "event": 4}\n' + "[" * 100_000 + "\n")
    assert run_command(["page", str(run)]).code == 0


def test_bytes_in_the_log_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe\x00\n{"step": 2}\n')
    assert [record["step"] for record in read_log(tmp_path)] == [1, 2]
