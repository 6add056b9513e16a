"""Outputs that die, and two processes in one run folder: a training goes on, or says why it does not."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reliability_parts.attempt import Attempt

STEPS = 30
_TINY = ("--set", "generator.width=4", "--set", "generator.blocks=1", "--set", "discriminator.width=4", "--set", "discriminator.depth=2")


def run(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Train through the command line with outputs of every kind, then twice at once.

    Args:
        folder: An empty folder.
        seed: Seed of the moments.
        scale: Multiplies the number of attempts with two processes; 1 is 6.
    """
    ways: dict[str, Callable[[list[str]], subprocess.Popen[Any]]] = {
        "a pipe whose reader has ended": lambda words: _start(words, stdout=_open_dead_pipe()),
        "a full disk": lambda words: _start_redirected(words, ">/dev/full"),
        "a full disk, errors too": lambda words: _start_redirected(words, ">/dev/full 2>&1"),
        "a closed output": lambda words: _start_redirected(words, ">&-"),
        "closed outputs": lambda words: _start_redirected(words, ">&- 2>&-"),
        "ASCII, and a folder with other letters": lambda words: _start(
            words, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        ),
        "a hangup": _start_and_hang_up,
        "a terminal that is closed": _start_on_a_terminal,
    }
    for name, start in ways.items():
        run = folder / f"läufe {len(name)} {sum(map(ord, name))}"
        process = start(_command(run))
        try:
            process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            process.kill()
            yield Attempt(name, "it hangs")
            continue
        yield Attempt(name, _describe(run))
    rng = random.Random(seed)
    for number in range(round(6 * scale)):
        yield _try_two(folder / f"two-{number}", rng.uniform(0, 4), resumed=bool(number % 2))


def _command(run: Path, steps: int = STEPS) -> list[str]:
    words = [
        sys.executable,
        "-m",
        "i2ikit",
        "train",
        "stargan-fast",
        "--data",
        "faces:count=24,size=16",
        "--labels",
        "hair",
        "--size",
        "16",
    ]
    return [*words, "--batch", "4", "--steps", str(steps), "--log-every", "1", "--run", str(run), "--no-eval", *_TINY]


def _start(words: list[str], environment: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[Any]:
    settings = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    return subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}, **settings)


def _start_redirected(words: list[str], redirection: str) -> subprocess.Popen[Any]:
    return _start(["sh", "-c", f'exec "$@" {redirection}', "sh", *words])


def _open_dead_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _start_and_hang_up(words: list[str]) -> subprocess.Popen[Any]:
    process = _start(words)
    time.sleep(6)
    process.send_signal(signal.SIGHUP)
    return process


def _start_on_a_terminal(words: list[str]) -> subprocess.Popen[Any]:
    ours, theirs = pty.openpty()
    process = _start(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    return process


def _describe(run: Path) -> str:
    """Return what is wrong with a run that should be complete."""
    if not (run / "final" / "weights.safetensors").is_file():
        return "the training did not reach its end"
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [row["step"] for row in rows if "event" not in row]
    return "" if steps == list(range(1, STEPS + 1)) else f"the log holds the steps {steps}"


def _try_two(run: Path, pause: float, *, resumed: bool) -> Attempt:
    name = f"two {'resumes' if resumed else 'starts'} in one folder, {pause:.1f} s apart"
    words = _command(run, 600)
    if resumed:
        _start(_command(run, 2)).wait()
        words = [
            sys.executable,
            "-m",
            "i2ikit",
            "train",
            "--resume",
            str(run),
            "--steps",
            "600",
            "--allow-change",
            "recipe.steps",
            "--no-eval",
        ]
    first = _start(words)
    time.sleep(pause)
    second = _start(words, stderr=subprocess.PIPE)
    told = second.communicate()[1].decode()
    codes = sorted((first.wait(), second.returncode))
    if "Traceback" in told or codes != [0, 2]:
        return Attempt(name, f"exit codes {codes}: {told.strip()[-300:]}")
    final = json.loads((run / "final" / "config.json").read_text(encoding="utf-8"))
    return Attempt(name, "" if final["step"] == 600 else f"the final model is of step {final['step']}")
