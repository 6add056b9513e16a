"""What became of a command or a call with hostile input."""

from __future__ import annotations

import contextlib
import io
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

from i2ikit.cli import main
from i2ikit.errors import I2IKitError


class Outcome(NamedTuple):
    """What a command did.

    Attributes:
        problem: What is wrong: an exception, or an error that is not one line; empty if nothing is.
        code: The exit code.
        error: What was printed to standard error.
    """

    problem: str
    code: int
    error: str


def run_command(words: Sequence[str]) -> Outcome:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        warnings.simplefilter("always")
        try:
            code = main(list(words))
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return Outcome(_describe(error), 1, err.getvalue())
    return Outcome(_find_problem(code, out.getvalue(), err.getvalue()), code, err.getvalue())


def _find_problem(code: int, out: str, err: str) -> str:
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    if "Traceback" in err or "Traceback" in out:
        return "a traceback was printed"
    if "not foreseen" in err:
        return next(line for line in errors if "not foreseen" in line)[:300]
    if code == 2 and len(errors) != 1 and "files cannot be used" not in out:
        return f"exit code 2 with {len(errors)} lines of errors"
    if any(len(line) > 2000 for line in errors):
        return f"an error of {len(errors[0])} characters: {errors[0][:200]}"
    return "" if code in {0, 1, 2, 130} else f"exit code {code}"


def call(function: Callable[[], object]) -> str:
    """Call a function. Return an empty text, or the exception if it is none that a user can cause, or has more than one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function()
        except I2IKitError as error:
            lines = [line for line in str(error).split("\n") if not line.startswith("  - ")]
            return "" if len(lines) == 1 else f"an error of {len(lines)} lines: {error}"
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return "" if "unexpected keyword argument" in str(error) else _describe(error)  # Python names it well
    return ""


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if "/i2ikit" in each.filename] or list(frames)
    return f"{type(error).__name__}: {str(error)[:200]} ({own[-1].filename.rpartition('/i2ikit')[2]}:{own[-1].lineno})"
