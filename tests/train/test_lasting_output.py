"""A training goes on when nobody can read what it prints, and says so in its log."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_training

from i2ikit.lasting_output import keep_training_without_output, take_failures

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, terminals and /dev/full of POSIX")

PROGRAM = Path(toy_training.__file__)
TINY = [
    part
    for each in ("generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2")
    for part in ("--set", each)
]
TRAIN = ["train", "stargan-fast", "--data", "faces:count=24,size=16", *TINY, "--batch", "4", "--sample-every", "0", "--log-every", "1"]
COMMAND = " ".join([sys.executable, "-m", "i2ikit", *TRAIN])
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def read_events(run: Path) -> list[str]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [line["message"] for line in lines if line.get("event") == "output lost"]


class Refusing(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_streams_that_cannot_be_written_are_noted_once_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    full, ascii_only = Refusing(), io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", full)
    monkeypatch.setattr(sys, "stderr", ascii_only)
    with keep_training_without_output():
        with keep_training_without_output():
            print("a")
        print("b")
        print("日", file=sys.stderr, flush=True)
        assert not sys.stdout.isatty()
        assert take_failures() == ["standard output cannot be written: No space left on device"]
        assert take_failures() == []
    assert (sys.stdout, sys.stderr) == (full, ascii_only)
    written = ascii_only.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert written.startswith("warning: Standard output cannot be written (No space left on device). The training continues")
    assert written.endswith("\\u65e5\n")


@pytest.mark.parametrize(
    ("redirection", "events"),
    [
        ("| head -1", ["standard output cannot be written: Broken pipe"]),
        pytest.param(">/dev/full", ["standard output cannot be written: No space left on device"], marks=pytest.mark.slow),
        pytest.param(
            ">&- 2>&-", ["standard output was closed at the start", "standard error was closed at the start"], marks=pytest.mark.slow
        ),
    ],
)
def test_a_training_goes_on_without_its_output(redirection: str, events: list[str], tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    command = f"{{ {COMMAND} --steps 3 --no-eval --run run; echo $? >code; }} {redirection}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=200, env=ENVIRONMENT, check=False)
    assert (tmp_path / "code").read_text() == "0\n", done.stderr
    assert read_events(tmp_path / "run") == events
    assert (tmp_path / "run/final/config.json").is_file()
    assert "Traceback" not in done.stderr


def start_and_wait(run: Path, **options: object) -> subprocess.Popen[bytes]:
    """Start a training in another process, and wait until it has logged a step."""
    process = subprocess.Popen([*COMMAND.split(" "), "--steps", "100000", "--run", str(run)], env=ENVIRONMENT, **options)  # type: ignore[call-overload]
    wait_for_steps(run, 1, process)
    return process


def wait_for_steps(run: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 200
    while not ((run / "log.jsonl").exists() and (run / "log.jsonl").read_text().count("\n") >= count):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def count_steps(run: Path) -> int:
    return (run / "log.jsonl").read_text().count("\n")


@pytest.mark.slow
def test_a_training_outlives_its_terminal(tmp_path: Path) -> None:
    import pty

    run, (ours, theirs) = tmp_path / "run", pty.openpty()
    process = start_and_wait(run, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.close(ours)  # every write fails from now on
    process.send_signal(signal.SIGHUP)
    wait_for_steps(run, count_steps(run) + 20, process)
    process.terminate()
    assert process.wait(timeout=100) == 130
    events = read_events(run)
    assert "the terminal was closed (SIGHUP)" in events
    assert any(event.startswith("standard output cannot be written: ") for event in events)
    assert list((run / "checkpoints").iterdir())


@pytest.mark.slow
def test_nohup_stays_in_force(tmp_path: Path) -> None:
    code = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from i2ikit.lasting_output import *\n"
    code += "with keep_training_without_output(): print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("command", ["list", "data check faces:count=4,size=16", "--help"])
def test_another_command_says_that_its_output_is_lost_in_one_line(command: str) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    with full.open("w") as stream:
        arguments = [sys.executable, "-m", "i2ikit", *command.split()]
        done = subprocess.run(arguments, stdout=stream, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (2, "error: Standard output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("redirection", ["| head -1", ">&-", "2>&-", ">&- 2>&-"])
def test_another_command_whose_output_nobody_reads_ends_without_a_traceback(redirection: str) -> None:
    command = f"{sys.executable} -m i2ikit list {redirection}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_unicode_names_are_printed_as_escapes_where_the_encoding_lacks_them(tmp_path: Path) -> None:
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": "latin-1"}
    arguments = [sys.executable, "-m", "i2ikit", "data", "check", str(tmp_path / "日本")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=100, env=environment, check=False)
    assert done.returncode == 2
    assert f'There is no data at "{tmp_path}/\\u65e5\\u672c"' in done.stderr
