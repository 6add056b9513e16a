"""Variables of launchers, which may be wrong or incomplete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from i2ikit.cli import main
from i2ikit.errors import OptionError
from i2ikit.train.launch import launch
from i2ikit.train.launch_environment import ProcessPlace, is_main_process, read_place
from i2ikit.train.options import FitOptions

MASTER = {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
NAMES = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID")


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, ProcessPlace(0, 1)),
        ({"RANK": "0"}, ProcessPlace(0, 1)),
        ({"RANK": ""}, ProcessPlace(0, 1)),
        ({"WORLD_SIZE": "4"}, ProcessPlace(0, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, ProcessPlace(0, 1)),
        ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", **MASTER}, ProcessPlace(3, 4)),
        ({"LOCAL_RANK": "1", "WORLD_SIZE": "2", **MASTER}, ProcessPlace(1, 2)),
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}, ProcessPlace(1, 2)),
    ],
)
def test_the_place_of_a_process_is_what_its_launcher_says(
    variables: dict[str, str], place: ProcessPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch, variables)
    assert read_place() == place
    assert is_main_process() == (place.rank == 0)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"RANK": "1"}, "RANK is 1 in the environment, but WORLD_SIZE is missing"),
        ({"LOCAL_RANK": "1"}, "LOCAL_RANK is 1 in the environment, but WORLD_SIZE is missing"),
        ({"RANK": "abc"}, 'RANK is "abc" in the environment; it must be a whole number'),
        ({"RANK": "-1"}, 'RANK is "-1"'),
        ({"WORLD_SIZE": "0"}, 'WORLD_SIZE is "0"'),
        ({"LOCAL_RANK": "1.5"}, 'LOCAL_RANK is "1.5"'),
        ({"MASTER_PORT": "http"}, 'MASTER_PORT is "http"'),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2 in the environment, but WORLD_SIZE is 2"),
        ({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}, "but MASTER_ADDR, MASTER_PORT are missing"),
        ({"RANK": "1", "WORLD_SIZE": "2", **MASTER}, "but LOCAL_RANK is missing"),
    ],
)
def test_an_environment_that_is_wrong_or_incomplete_is_refused_in_one_line_by_every_process(
    variables: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    set_variables(monkeypatch, variables)
    assert main(["train", "stargan", "--data", str(tmp_path / "none"), "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert "unset " in error
    assert error.count("\n") == 1


def test_processes_of_a_launcher_without_as_many_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", **MASTER})
    with pytest.raises(OptionError, match=r"has started is 2 \(WORLD_SIZE\), but the number of devices is 1"):
        launch(FitOptions(accelerator="cpu"))


@pytest.mark.parametrize("rank", [0, 1])
def test_every_process_tells_its_own_error_and_ends_with_2(rank: int, tmp_path: Path) -> None:
    variables = {**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", **MASTER}
    command = [sys.executable, "-m", "i2ikit", "train", "stargan", "--data", str(tmp_path / "none"), "--run", str(tmp_path / "run")]
    done = subprocess.run([*command, "--devices", "2"], capture_output=True, text=True, timeout=100, env=variables, check=False)
    assert done.returncode == 2
    assert f'There is no data at "{tmp_path / "none"}"' in done.stderr
    assert done.stderr.startswith("error: process 1: " if rank else "error: There")
