"""Errors of the system, and those that no code has foreseen, in one line, with the place in the code."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

import click

from i2ikit.cli.memory_hints import suggest_less_memory
from i2ikit.errors import get_reason
from i2ikit.out_of_memory import describe_out_of_memory, is_out_of_memory

VARIABLE = "I2IKIT_DEBUG"
"""The environment variable that lets the command line show tracebacks."""
EXIT_CODE = 1
"""After an error that was not foreseen. An error of the user has 2."""

_PACKAGE = Path(__file__).parents[1]


def shows_tracebacks() -> bool:
    """Return whether the user wants tracebacks."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def describe_unexpected(error: Exception) -> str:
    """Return an exception as one line: its type and message, the place in the code, and how to see more."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    reason = get_reason(error).strip()
    notes = " ".join(getattr(error, "__notes__", ()))
    more = notes or f"To see the traceback, set {VARIABLE}=1 in the environment and repeat the command."
    return f"{name}{f': {reason}' if reason else ''}{find_place(error)}. This error was not foreseen. {more}"


def describe_system_error(error: Exception, command: click.Command | None) -> str | None:
    """Return an error of memory, files or output as one line, or None for another one.

    Args:
        error: The exception.
        command: The command, whose options the user can change.
    """
    if is_out_of_memory(error):
        return f"{describe_out_of_memory(error)} {suggest_less_memory(command)}".strip()
    if not isinstance(error, OSError) or error.strerror is None:
        return None
    if error.filename:
        return f'{error.strerror}: "{error.filename}".'
    frames = traceback.extract_tb(error.__traceback__)
    if frames and Path(frames[-1].filename).is_relative_to(Path(click.__file__).parent):
        return f"Standard output cannot be written: {error.strerror}."
    return f"{error.strerror}{find_place(error)}."


def find_place(error: Exception) -> str:
    """Return ``", in core/step.py, line 12"``: the last place in this library or in a component."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename))] or frames
    if not own:
        return ""
    path = Path(own[-1].filename)
    shown = path.relative_to(_PACKAGE) if path.is_relative_to(_PACKAGE) else path.name
    return f", in {shown}, line {own[-1].lineno}"


def _is_own(path: Path) -> bool:
    """Return whether a file is of this library, or of a component that is not installed as a package."""
    others = _list_library_folders()
    return path.is_relative_to(_PACKAGE) or (path.exists() and not any(path.is_relative_to(each) for each in others))


def _list_library_folders() -> Iterable[Path]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return [Path(sysconfig.get_path(name)) for name in names] + [Path(sys.base_prefix) / "lib"]
