"""Kills: a training that is killed at any moment resumes bit-equal, and leaves no torn folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reliability_parts.attempt import SYSTEMS, Attempt, find_torn, fork, read_digest, train, wait, write_data

CALLS = ("replace", "rename", "fsync", "mkdir", "unlink")


def run(folder: Path, seed: int, scale: float) -> Iterator[Attempt]:
    """Kill at random moments, then before chosen calls of the file system.

    Args:
        folder: An empty folder.
        seed: Seed of the moments.
        scale: Multiplies the number of attempts; 1 is 60 random kills and 31 chosen ones.
    """
    rng, data = random.Random(seed), write_data(folder / "data")
    whole: dict[str, tuple[str, float]] = {}
    for system in SYSTEMS:
        start = time.monotonic()
        code = wait(fork(lambda system=system: train(system, data[system], folder / system), folder / "output.txt"))
        if code:
            yield Attempt(f"{system}: the training without a kill", (folder / "output.txt").read_text())
            return
        whole[system] = read_digest(folder / system), time.monotonic() - start
    for number in range(round(60 * scale)):
        system = SYSTEMS[number % len(SYSTEMS)]
        digest, seconds = whole[system]
        delays = [rng.uniform(0, seconds) for _ in range(rng.choice((1, 1, 2)))]
        yield _try(folder, system, data[system], digest, [_kill_after(delay) for delay in delays], f"after {delays[0]:.2f} s")
    for number in range(round(31 * scale)):
        system = SYSTEMS[number % len(SYSTEMS)]
        call, count = rng.choice(CALLS), rng.choice((1, 1, 2, 2, 3, 4, 5, 7, 9, 12, 20, 30))
        yield _try(folder, system, data[system], whole[system][0], [_kill_at_call(call, count)], f"before call {count} of {call}")


Killer = Callable[[Callable[[], None], Path], None]


def _kill_after(seconds: float) -> Killer:
    def start(task: Callable[[], None], output: Path) -> None:
        child = fork(task, output)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        wait(child)

    return start


def _kill_at_call(name: str, count: int) -> Killer:
    def start(task: Callable[[], None], output: Path) -> None:
        def count_calls() -> None:
            original, seen = getattr(os, name), 0

            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal seen
                seen += 1
                if seen == count:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            setattr(os, name, call)  # pathlib calls the functions of os by name
            task()

        wait(fork(count_calls, output))

    return start


def _try(folder: Path, system: str, data: Any, digest: str, kills: list[Killer], moment: str) -> Attempt:
    run, output, name = folder / "killed", folder / "output.txt", f"{system}, {moment}"
    shutil.rmtree(run, ignore_errors=True)
    for kill in kills:
        kill(lambda: train(system, data, run), output)
        if torn := find_torn(run):
            return Attempt(name, torn)
    if wait(fork(lambda: train(system, data, run), output)):
        return Attempt(name, f"the repeated command failed: {output.read_text().strip()}")
    left = [path.name for path in run.rglob("*") if path.name.startswith(".") and path.name.endswith((".tmp", ".old"))]
    if left:
        return Attempt(name, f"left behind: {', '.join(left)}")
    return Attempt(name, "" if read_digest(run) == digest else "the resumed training differs from the one without a kill")
