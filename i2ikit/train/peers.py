"""The processes of one training: the main process starts the others on this machine, and each notices when another one ends or stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from i2ikit.errors import OptionError, PeerError
from i2ikit.temporary import is_alive

TIMEOUT_VARIABLE, DEFAULT_TIMEOUT = "I2IKIT_PEER_TIMEOUT", 600.0
"""The environment variable with the seconds that a process waits for the others, and its default."""
GRACE = 10.0
"""Seconds that a process has to end by itself after another one has ended."""
_MAIN_VARIABLE = "I2IKIT_MAIN_PROCESS"  # for processes that the main one has started: its number


def read_timeout() -> float:
    """Return for how many seconds a process waits for the others.

    Raises:
        OptionError: The environment variable has no valid value.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip()
    try:
        seconds = float(text or DEFAULT_TIMEOUT)
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= 1e6:
        raise OptionError(f'{TIMEOUT_VARIABLE} is "{text}" in the environment; it must be a number of seconds from 1 to 1,000,000.')
    return seconds


class Peers:
    """The other processes of a training, as far as this process knows them.

    Attributes:
        started: The processes that this one has started, by rank.
        main: The number of the process that has started this one; None if no process of the training did.
    """

    def __init__(self) -> None:
        self.started: dict[int, subprocess.Popen[bytes]] = {}
        main = os.environ.get(_MAIN_VARIABLE, "")
        self.main = int(main) if main.isdecimal() else None
        self._is_training = False
        self._watcher: threading.Thread | None = None

    def start(self, count: int, environment: Mapping[str, str]) -> None:
        """Start the processes of the ranks from 1 on, with the command line of this one.

        Args:
            count: The number of processes, this one included.
            environment: Variables that all of them have, such as the address of the main process.
        """
        for rank in range(1, count):
            variables = {**os.environ, **environment, "RANK": str(rank), "LOCAL_RANK": str(rank), _MAIN_VARIABLE: str(os.getpid())}
            self.started[rank] = subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env=variables)  # noqa: S603 - it is the command of this process
        self._start_watcher()

    @contextmanager
    def watch(self) -> Iterator[None]:
        """End this process if another one has ended and this one waits for it: not all collective operations notice it."""
        self._is_training = True
        if self.started or self.main is not None:
            self._start_watcher()
        try:
            yield
        finally:
            self._is_training = False

    def describe_loss(self, error: Exception) -> PeerError:
        """Return the error for an operation that failed because of another process."""
        deadline = time.monotonic() + 3.0  # a process has closed its connections before its end is known
        while (found := self._find_lost()) is None and time.monotonic() < deadline and "imed out" not in str(error):
            time.sleep(0.05)
        if found is None and "imed out" in str(error):
            found = f"Another process has not answered for {read_timeout():g} s ({TIMEOUT_VARIABLE} changes this time)."
        problem = PeerError(found or "The connection to another process of the training is lost.")
        problem.is_shared = self.main is not None and is_alive(self.main) and not _is_stopped(self.main)
        return problem

    def end(self, grace: float) -> None:
        """End the processes that this one has started, after ``grace`` seconds at the latest."""
        deadline = time.monotonic() + grace
        for process in self.started.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()  # a stopped process ignores other signals
                with suppress(subprocess.TimeoutExpired):
                    process.wait(3.0)

    def _start_watcher(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, daemon=True, name="i2ikit-peers")
            self._watcher.start()

    def _find_lost(self) -> str | None:
        """Return which process has ended or is stopped, and how, in a sentence."""
        for rank, process in self.started.items():
            if process.poll() is not None:
                return f"Process {rank} ({process.pid}) of the training {_describe_end(process.returncode)}."
            if _is_stopped(process.pid):
                return f"Process {rank} ({process.pid}) of the training is stopped, and was waited for {read_timeout():g} s."
        if self.main is not None and not is_alive(self.main):
            return f"The main process ({self.main}) of the training has ended."
        if self.main is not None and _is_stopped(self.main):
            return f"The main process ({self.main}) of the training is stopped, and was waited for {read_timeout():g} s."
        return None

    def _watch(self) -> None:
        while True:
            time.sleep(0.5)
            if not self._is_training or not self._has_lost():
                continue
            time.sleep(GRACE)
            if self._is_training:
                with suppress(OSError, ValueError):
                    print(f"error: {self._find_lost()} This process ends, too.", file=sys.stderr, flush=True)  # noqa: T201
                for process in self.started.values():
                    process.kill()
                os._exit(2)  # the main thread waits in an operation that cannot be interrupted

    def _has_lost(self) -> bool:
        ended = [process.poll() for process in self.started.values()]
        return any(ended) or (self.main is not None and not is_alive(self.main))


PEERS = Peers()
"""Those of this process: further trainings of the same program use the same processes."""


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"has ended with exit code {code}" + (", see its message" if code else "")
    with suppress(ValueError):
        return f"was ended by the signal {signal.Signals(-code).name}"
    return f"was ended by the signal {-code}"


def _is_stopped(process: int) -> bool:
    """Return whether a process is stopped by a signal or a debugger. Only Linux tells."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    return False
