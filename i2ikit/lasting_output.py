"""Output that can be lost without ending a training: the reader of a pipe ends, a disk is full, a terminal is closed.

A training writes its log to a file. It goes on when nobody reads what it prints, and says so in this file.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_NAMES = {1: "standard output", 2: "standard error"}
_failures: list[str] = []
_is_kept = False


@contextmanager
def keep_training_without_output() -> Iterator[None]:
    """Let standard output and standard error never raise, and ignore SIGHUP, as under nohup. Inside another such block it does nothing.

    SIGHUP means that the terminal is closed. It is ignored in the main thread only, and not if the program has its own handler.
    """
    global _is_kept  # noqa: PLW0603 - the streams exist once in a process
    if _is_kept:
        yield
        return
    streams = sys.stdout, sys.stderr
    _failures.extend(_closed)
    hangup = _find_hangup()
    if hangup is not None:
        signal.signal(hangup, _note_hangup)
    _is_kept = True
    sys.stdout, sys.stderr = (_LastingStream(stream, _NAMES[number]) for number, stream in enumerate(streams, start=1))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        _is_kept = False
        _failures.clear()
        if hangup is not None:
            signal.signal(hangup, signal.SIG_DFL)


def take_failures() -> list[str]:
    """Return what has happened to the output since the last call, one line each."""
    taken = list(_failures)
    del _failures[: len(taken)]
    return taken


def replace_closed_streams() -> None:
    """Open the null device in place of standard streams that are closed: another file would get their number, and what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the least free number, which is this one
            if number:
                _closed.append(f"{_NAMES[number]} was closed at the start")
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the end


_closed: list[str] = []


def discard_stream(stream: Any) -> None:
    """Connect a stream that cannot be written to the null device, so that what it still holds raises no error at the end."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _find_hangup() -> signal.Signals | None:
    """Return the signal for a closed terminal, if it would end this process now and can be handled here."""
    found = getattr(signal, "SIGHUP", None)  # not on Windows
    is_main_thread = threading.current_thread() is threading.main_thread()
    return found if found is not None and is_main_thread and signal.getsignal(found) == signal.SIG_DFL else None


def _note_hangup(_number: int, _frame: FrameType | None) -> None:
    _failures.append("the terminal was closed (SIGHUP)")


class _LastingStream:
    """A text stream, or the binary one below it, that discards what it cannot write. It has the attributes of the original."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name, self._is_lost = stream, name, stream is None

    def write(self, text: Any) -> int:
        if self._is_lost:
            return len(text)
        try:
            return int(self._stream.write(text))
        except UnicodeEncodeError as error:
            return self.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self._lose(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if not self._is_lost:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def isatty(self) -> bool:
        return not self._is_lost and bool(self._stream.isatty())

    @property
    def buffer(self) -> _LastingStream:
        return _LastingStream(self._stream.buffer, self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: Exception) -> None:
        self._is_lost = True
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        _failures.append(f"{self._name} cannot be written: {reason}")
        discard_stream(self._stream)
        if self._name == _NAMES[1]:
            print(  # noqa: T201
                f"warning: Standard output cannot be written ({reason}). The training continues; log.jsonl in its run folder shows it.",
                file=sys.stderr,
                flush=True,
            )
