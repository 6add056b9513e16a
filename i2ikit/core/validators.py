"""Validators of the values in a recipe; an error explains the problem in one line. This module does not import torch."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from i2ikit.core.short_repr import shorten
from i2ikit.errors import OptionError, UnknownNameError, suggest

Validator = Callable[[Any, Any, Any], None]


LARGEST = 2**53
"""The largest whole number that is accepted where no other limit is given: up to it, float64 and JSON are exact."""


MAX_SEED = 2**64 - 1
"""The largest seed that torch takes."""


def whole_number(minimum: int, maximum: int = LARGEST) -> Validator:
    """Make a validator that accepts whole numbers from ``minimum`` to ``maximum``."""
    limits = f"of {minimum} or more" if maximum == LARGEST else f"from {minimum} to {maximum}"

    def check(owner: Any, field: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            few = f", at most {maximum}" if maximum == LARGEST and isinstance(value, int) and value > maximum else ""
            raise _make_error(owner, field, value, f"a whole number {limits}{few}")

    return check


def number(*, above: float = -math.inf, minimum: float = -math.inf, below: float = math.inf, maximum: float = math.inf) -> Validator:
    """Make a validator that accepts finite numbers: ``above < value < below`` and ``minimum <= value <= maximum``."""
    limits = [
        text
        for text, limit in (
            (f"above {above:g}", above),
            (f"of {minimum:g} or more", minimum),
            (f"below {below:g}", below),
            (f"at most {maximum:g}", maximum),
        )
        if math.isfinite(limit)
    ]

    def check(owner: Any, field: Any, value: Any) -> None:
        fits = is_number(value) and above < value < below and minimum <= value <= maximum
        if not fits:
            raise _make_error(owner, field, value, " ".join(["a number", " and ".join(limits)]).strip())

    return check


def boolean(owner: Any, field: Any, value: Any) -> None:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise _make_error(owner, field, value, "True or False")


def text(owner: Any, field: Any, value: Any) -> None:
    """Accept a text."""
    if not isinstance(value, str):
        raise _make_error(owner, field, value, "a text")


def function(owner: Any, field: Any, value: Any) -> None:
    """Accept a function, or None."""
    if value is not None and not callable(value):
        raise _make_error(owner, field, value, "a function")


def one_of(*choices: str) -> Validator:
    """Make a validator that accepts one of the given words."""

    def check(owner: Any, field: Any, value: Any) -> None:
        if not isinstance(value, str):
            raise _make_error(owner, field, value, "one of " + ", ".join(choices))
        if value not in choices:
            raise OptionError(f'"{field.name}" of {_describe_owner(owner)} is "{value}". {suggest(value, choices)}')

    return check


def adam_betas(owner: Any, field: Any, value: Any) -> None:
    """Accept the two decay rates of Adam's moments, each in [0, 1)."""
    if len(value) != 2 or not all(is_number(each) and 0 <= each < 1 for each in value):
        raise _make_error(owner, field, value, "two numbers of 0 or more and below 1, such as (0.5, 0.999)")


def name_sequence(owner: Any, field: Any, value: Any) -> None:
    """Accept a sequence of names."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        raise _make_error(owner, field, value, 'a sequence of names, such as ("encoder", "generator")')


def factors_by_slot(owner: Any, field: Any, value: Any) -> None:
    """Accept a mapping from slots to factors of 0 or more."""
    if not isinstance(value, Mapping) or not all(is_number(each) and each >= 0 for each in value.values()):
        raise _make_error(owner, field, value, 'a mapping from slots to factors of 0 or more, such as {"encoder": 0.01}')


def check_fields(value: Any, kind: type, what: str) -> Mapping[str, Any]:
    """Return a mapping of attributes of a data class; ``what`` names the class in errors.

    Raises:
        OptionError: The value is not a mapping.
        UnknownNameError: The class has no such attribute.
    """
    known = [each.name for each in attrs.fields(kind)]
    if not isinstance(value, Mapping):
        raise OptionError(f"The overrides of the {what} must be a mapping; found {shorten(value)}. Available: {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise UnknownNameError(f"setting of the {what}", name, known)
    return value


def check_type(name: str, annotation: Any, value: Any) -> None:
    """Check the value of a component's option against its annotation.

    Only these types are checked: numbers, texts, True and False, choices of texts, None, and unions of these.

    Raises:
        OptionError: The value has another type than the annotation.
    """
    expected = _list_types(annotation)
    if expected is None or any(_has_type(kind, value) for kind in expected):
        return
    words = [each for kind in expected if isinstance(kind, tuple) for each in kind]
    if words and isinstance(value, str) and all(isinstance(each, str) for each in words):
        raise OptionError(f'"{name}" is "{value}". {suggest(value, words)}')
    raise OptionError(f'"{name}" is {shorten(value)}; it must be {" or ".join(_describe_type(kind) for kind in expected)}.')


_TYPES = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", type(None): "None"}


def _list_types(annotation: Any) -> list[Any] | None:
    """Return the types in an annotation, with a tuple for a choice of values; None if it contains a type that is not checked."""
    if annotation is None:
        return [type(None)]
    if annotation in _TYPES:
        return [annotation]
    if get_origin(annotation) is Literal:
        return [get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_list_types(each) for each in get_args(annotation)]
        return None if any(part is None for part in parts) else [kind for part in parts for kind in part or ()]
    return None


def _has_type(kind: Any, value: Any) -> bool:
    if isinstance(kind, tuple):
        return any(value == each and type(value) is type(each) for each in kind)
    if kind is float:
        return is_number(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _describe_type(kind: Any) -> str:
    return "one of " + ", ".join(map(str, kind)) if isinstance(kind, tuple) else _TYPES[kind]


def is_number(value: Any) -> bool:
    """Return whether a value is a number that float64 can hold, and neither NaN nor infinite."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that float64 cannot hold
        return False


_OWNERS = {
    "BatchKind": "a batch kind",
    "Ema": "the average",
    "FitOptions": "the training",
    "ImageSpec": "the image",
    "Optimizer": "an optimizer",
    "Recipe": "the recipe",
    "SavedBest": "the best model",
    "SavedChange": "a change",
    "SavedModel": "the model",
    "SavedPosition": "the position in the data",
    "SavedRun": "the run",
    "SavedStages": "the run",
    "SavedState": "the state",
    "Schedule": "the schedule",
    "Slot": "a slot",
    "Term": "a term",
}


def _describe_owner(owner: Any) -> str:
    kind = type(owner).__name__
    return _OWNERS.get(kind) or f'{kind.lower()} "{owner.name}"'


def _make_error(owner: Any, field: Any, value: Any, expected: str) -> OptionError:
    return OptionError(f'"{field.name}" of {_describe_owner(owner)} is {shorten(value)}; it must be {expected}.')
