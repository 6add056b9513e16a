"""One class for each cause of an error. Every message says what was asked, what was found and what to do."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path


class I2IKitError(Exception):
    """Parent of every error that a user can cause. The command line prints it as one line and exits with code 2.

    Attributes:
        is_shared: Whether every process of a training raises this error, so that only the main one prints it.
    """

    is_shared = False


class UnknownNameError(I2IKitError, LookupError):
    """A name that does not exist: of a recipe, component, slot, option, attribute or value.

    Attributes:
        kind: What was looked up, such as ``"recipe"``.
        name: The requested name.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, note: str = "") -> None:
        name = name if isinstance(name, str) and "\n" not in name else " ".join(str(name).split())[:60]
        self.kind, self.name, self.known = kind, name, tuple(known)
        self.note = note
        super().__init__(f'No {kind} is called "{name}". {suggest(name, self.known)}{" " + note if note else ""}')


class AmbiguousNameError(I2IKitError, LookupError):
    """Two plugins define the same name."""


class OptionError(I2IKitError, ValueError):
    """An option is missing, unknown or out of range."""


class LabelError(I2IKitError, ValueError):
    """A label that is not in the declared label sets."""


class SpecError(I2IKitError, ValueError):
    """The output of one component does not fit the next component."""


class InputTypeError(I2IKitError, TypeError):
    """A value of the wrong type, or a tensor of the wrong data type."""


class PlanError(I2IKitError, ValueError):
    """A batch does not hold what the plan requires, or a view needs something that the plan did not provide."""


class BuildError(I2IKitError, ValueError):
    """A recipe whose parts do not work together. Carries every problem that was found.

    Attributes:
        problems: One line for each problem.
    """

    def __init__(self, recipe: str, problems: Sequence[str]) -> None:
        problems = tuple(dict.fromkeys(problems))  # one cause may have been found in two places
        self.recipe, self.problems = recipe, problems
        lines = problems[0] if len(problems) == 1 else "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f'Recipe "{recipe}" cannot be built: {lines}')


class PluginError(I2IKitError):
    """A plugin breaks the rules of registration."""


class DataError(I2IKitError, ValueError):
    """A data set that is missing, empty or damaged, or that does not have the requested form."""


class WriteError(DataError):
    """A file that cannot be written: its folder is protected or missing, or the disk is full."""


class CheckpointError(I2IKitError, ValueError):
    """A checkpoint that is missing, damaged or unsafe, or that belongs to another architecture."""


class RunInUseError(I2IKitError):
    """A run folder in which another process trains."""


class PeerError(I2IKitError, RuntimeError):
    """Another process of the same training has ended, or does not answer."""


class OutOfMemoryError(I2IKitError, MemoryError):
    """The memory of the device or of the machine does not suffice."""


class ConfigChangedError(I2IKitError, ValueError):
    """A run is resumed with a configuration that differs from the one it was started with."""


class NonFiniteLossError(I2IKitError, ArithmeticError):
    """A loss became NaN or infinite. Its update and the rest of its step were skipped.

    Attributes:
        terms: The terms with such a loss, as "player/term"; empty if only a gradient was NaN or infinite.
        step: The step in which it happened.
        files: The image files of the batch.
    """

    def __init__(self, message: str, *, terms: Sequence[str] = (), step: int = 0, files: Sequence[str] = ()) -> None:
        self.terms, self.step, self.files = tuple(terms), step, tuple(files)
        super().__init__(message)


class MissingExtraError(I2IKitError, ImportError):
    """A feature requires a package that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} requires packages that are not installed. Install them: pip install "i2ikit[{extra}]".')


def format_count(count: int, noun: str) -> str:
    """Return ``"1 channel"`` or ``"3,000 channels"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def get_reason(error: Exception) -> str:
    """Return the first line of the message of an exception. Further lines of torch are about its own functions."""
    return str(error).partition("\n")[0]


def describe_exception(error: Exception) -> str:
    """Return ``"ValueError: no, in parts.py, line 12"``: an exception that the code of a component raised, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        each
        for each in frames
        if not Path(each.filename).is_relative_to(Path(__file__).parent) and "torch" not in Path(each.filename).parts
    ]
    place = f", in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
    return f"{type(error).__name__}: {get_reason(error)}{place}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean "a" or "b"?`` for a name that is not in ``known``, or the list of known names if none is similar."""
    known = tuple(dict.fromkeys(known))
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.55)
    if near:
        return f"Did you mean {_join_with_or(near)}?"
    if not known:
        return "Available: none."
    shown = ", ".join(sorted(known)[:12])
    return f"Available: {shown}{', ...' if len(known) > 12 else ''}."


def _join_with_or(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
