"""One class per cause. Every message says what was asked, what was found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class I2IKitError(Exception):
    """The parent of every error that a user can cause; the command line prints it as one line and exits with 2."""


class UnknownNameError(I2IKitError, LookupError):
    """A recipe, component, slot, option, attribute or value that does not exist.

    Attributes:
        kind: What was looked up, such as ``"recipe"``.
        name: The name as it was asked for.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, note: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        self.note = note
        super().__init__(f'No {kind} is called "{name}". {suggest(name, self.known)}{" " + note if note else ""}')


class AmbiguousNameError(I2IKitError, LookupError):
    """Two plugins offer one name."""


class OptionError(I2IKitError, ValueError):
    """An option is missing, unknown or out of range."""


class LabelError(I2IKitError, ValueError):
    """A label that the declared label sets do not have."""


class SpecError(I2IKitError, ValueError):
    """Two neighbouring components do not fit."""


class KindError(I2IKitError, TypeError):
    """A value of another type than it has to be, or a tensor of another kind of number."""


class PlanError(I2IKitError, ValueError):
    """A batch does not hold what the plan needs, or a view asks for something the plan did not provide."""


class BuildError(I2IKitError, ValueError):
    """An assembly that cannot work. Carries every problem that was found.

    Attributes:
        problems: One line each.
    """

    def __init__(self, recipe: str, problems: Sequence[str]) -> None:
        self.recipe, self.problems = recipe, tuple(problems)
        lines = problems[0] if len(problems) == 1 else "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f'Recipe "{recipe}" cannot be built: {lines}')


class PluginError(I2IKitError):
    """A plugin breaks the rules of registration."""


class DataError(I2IKitError, ValueError):
    """A data set that is missing, empty, damaged or not of the form that was asked for."""


class CheckpointError(I2IKitError, ValueError):
    """A checkpoint that is missing, damaged, unsafe or of another architecture."""


class ConfigChangedError(I2IKitError, ValueError):
    """A run is resumed under another configuration than it was started with."""


class NonFiniteLossError(I2IKitError, ArithmeticError):
    """A loss became NaN or infinite; its update and what followed in its step were left out.

    Attributes:
        terms: The terms that did, as "player/term"; none where only a gradient did.
        step: The step that it happened in.
        files: The files of its batch.
    """

    def __init__(self, message: str, *, terms: Sequence[str] = (), step: int = 0, files: Sequence[str] = ()) -> None:
        self.terms, self.step, self.files = tuple(terms), step, tuple(files)
        super().__init__(message)


class MissingExtraError(I2IKitError, ImportError):
    """A feature needs a package that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} needs packages that are not installed: pip install "i2ikit[{extra}]".')


def format_count(count: int, noun: str) -> str:
    """Return ``"1 channel"`` or ``"3,000 channels"``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean "a" or "b"?``, or the list of what there is, for a name that is not in ``known``."""
    known = tuple(dict.fromkeys(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.55)
    if near:
        return f"Did you mean {_either(near)}?"
    if not known:
        return "There is none."
    shown = ", ".join(sorted(known)[:12])
    return f"Available: {shown}{', ...' if len(known) > 12 else ''}."


def _either(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " or " + quoted[-1]
