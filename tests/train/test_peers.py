"""A process of a training that ends or stops is named, and ends the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.errors import OptionError
from i2ikit.train.peers import Peers, read_timeout

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the processes of a process are listed by Linux")

TINY = ["generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2"]
TRAIN = ["train", "stargan-fast", "--data", "faces:count=24,size=16", *(part for each in TINY for part in ("--set", each))]
OPTIONS = ["--steps", "100000", "--batch", "4", "--log-every", "2", "--sample-every", "0", "--checkpoint-every", "5", "--no-eval"]


@pytest.mark.parametrize("text", ["soon", "0", "nan", "-3"])
def test_a_timeout_that_is_not_a_time_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2IKIT_PEER_TIMEOUT", text)
    with pytest.raises(OptionError, match=f'I2IKIT_PEER_TIMEOUT is "{text}"'):
        read_timeout()


@pytest.mark.parametrize(
    ("command", "end"),
    [("exit 3", "has ended with exit code 3, see its message"), ("kill -9 $$", "was ended by the signal SIGKILL")],
)
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_the_end_of_a_process_is_described(command: str, end: str) -> None:
    peers = Peers()
    peers.started[1] = process = subprocess.Popen(["/bin/sh", "-c", command])
    process.wait(timeout=60)
    error = peers.describe_loss(RuntimeError("Connection closed by peer"))
    assert str(error) == f"Process 1 ({process.pid}) of the training {end}."
    assert not error.is_shared


def list_children(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.slow
@linux
@pytest.mark.parametrize(
    ("number", "of_main", "texts"),
    [
        (signal.SIGKILL, False, ["was ended by the signal SIGKILL. The run is saved up to step"]),
        (signal.SIGSTOP, False, ["is stopped, and was waited for 25 s. The run is saved up to step"]),
        (signal.SIGKILL, True, ["error: process 1: The main process", "has ended. The run is saved up to step"]),
    ],
)
def test_a_process_that_was_killed_or_stopped_is_named_in_one_line(
    number: signal.Signals, of_main: bool, texts: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "i2ikit", *TRAIN, *OPTIONS, "--devices", "2", "--accelerator", "cpu", "--run", str(run)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "I2IKIT_PEER_TIMEOUT": "120" if number == signal.SIGKILL else "25"}
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
    wait_until(lambda: len(list(run.glob("checkpoints/step-*"))) > 1, process)
    children = list_children(process.pid)
    os.kill(process.pid if of_main else children[0], number)
    code = process.wait(timeout=200)
    assert code == (-signal.SIGKILL if of_main else 2)
    deadline = time.monotonic() + 60
    while is_running(children[0]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lines = [line for line in (tmp_path / "errors").read_text().splitlines() if line.startswith("error")]
    assert len(lines) == 1
    for text in (*texts, f"i2ikit train --resume {run}"):
        assert text in lines[0]
    assert "Traceback" not in (tmp_path / "errors").read_text()


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 200
    while not happened():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
