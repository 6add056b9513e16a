"""One process trains in a run folder at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import toy_training
from toy_training import train

from i2ikit import load, resume
from i2ikit.cli import main
from i2ikit.errors import I2IKitError, OptionError, RunInUseError
from i2ikit.train.run_lock import HOLDER, LOCK, hold_run

PROGRAM = Path(toy_training.__file__)
TINY = ["generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2"]
TRAIN = ["train", "stargan-fast", "--data", "faces:count=24,size=16", *(part for each in TINY for part in ("--set", each)), "--batch", "4"]


@contextmanager
def other_process_trains(run: Path) -> Iterator[subprocess.Popen[str]]:
    """Train in another process, which has begun."""
    process = subprocess.Popen([sys.executable, PROGRAM, "interrupted", run], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


@pytest.mark.slow
def test_models_are_read_beside_a_training_that_removes_old_checkpoints(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "i2ikit", *TRAIN, "--steps", "100000", "--run", str(run), "--checkpoint-every", "1", "--keep", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 200
        while len(list(run.glob("checkpoints/step-*"))) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        steps: list[int] = []
        while len(set(steps)) < 15:
            assert time.monotonic() < deadline
            assert process.poll() is None
            steps.append(load(run).steps_done)
        process.kill()
    assert steps == sorted(steps)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no umask")
@pytest.mark.slow
def test_every_file_of_a_run_follows_the_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    run, before = tmp_path / "run", os.umask(0o027)
    try:
        assert main([*TRAIN, "--steps", "2", "--run", str(run), "--sample-every", "1", "--tensorboard", "--eval"]) == 0
        assert main(["train", "--resume", str(run), "--steps", "3", "--allow-change", "recipe.steps"]) == 0
    finally:
        os.umask(before)
    paths = sorted(run.rglob("*"))
    assert {"numbers.json", "index.html", "weights.safetensors", "log.jsonl"} <= {path.name for path in paths}
    modes = {path: path.stat().st_mode & 0o777 for path in paths}
    wrong = {str(path): oct(mode) for path, mode in modes.items() if mode != (0o750 if path.is_dir() else 0o640)}
    assert wrong == {}


def test_a_second_process_is_refused_with_the_number_of_the_first_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with other_process_trains(run) as process:
        before = (run / "run.json").read_bytes()
        assert main(["train", "--resume", str(run)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f'error: "{run}" is in use: process {process.pid} on "')
        assert f"stop it (kill {process.pid})" in error
        assert error.count("\n") == 1
        with pytest.raises(RunInUseError, match="in use"):
            resume(run)
        assert (run / "run.json").read_bytes() == before


def test_the_lock_of_a_killed_process_is_no_obstacle_and_its_leftovers_are_removed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = subprocess.run([sys.executable, PROGRAM, "killed", run], timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (run / HOLDER).exists()
    code = f"from pathlib import Path; from i2ikit.temporary import make_temporary_path as new; new(Path({str(run / 'final')!r})).mkdir()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    resume(run)
    hidden = [path.name for path in run.rglob(".*")]
    assert hidden == [LOCK]


def test_a_start_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"number of the evaluation|requires validate"):
        train(tmp_path / "new/run", 2, best="psnr")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError):
        train(tmp_path / "empty", 2, best="psnr")
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.slow
def test_two_starts_at_once_leave_one_run(tmp_path: Path) -> None:
    command = [sys.executable, PROGRAM, "one", str(tmp_path / "run")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = {process.wait(timeout=200): process.communicate()[1] for process in processes}
    assert sorted(errors) == [0, 1]
    assert "in use" in errors[1] or "already holds a run" in errors[1]


def test_another_thread_of_the_program_is_refused(tmp_path: Path) -> None:
    found: list[I2IKitError] = []

    def take() -> None:
        try:
            with hold_run(tmp_path / "run"):
                pass
        except I2IKitError as error:
            found.append(error)

    with hold_run(tmp_path / "run"):
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()
        with hold_run(tmp_path / "run"):  # the same thread may take it again
            pass
    assert ["another thread" in str(each) for each in found] == [True]
    assert list(tmp_path.iterdir()) == []


def test_a_stage_cannot_be_resumed_while_its_run_trains(tmp_path: Path) -> None:
    stage = tmp_path / "run/stages/1-gan"
    train(stage, 1)
    (tmp_path / "run/stages.json").write_text(json.dumps({"folders": ["stages/1-gan"]}))
    code = "import sys; from pathlib import Path; from i2ikit.train.run_lock import hold_run\n"
    code += "with hold_run(Path(sys.argv[1])): print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RunInUseError):
            resume(stage)
        process.communicate("\n", timeout=60)
