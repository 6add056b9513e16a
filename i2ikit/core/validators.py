"""What the values of a recipe may be, said in one line where they are not. Imports no torch."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from i2ikit.errors import OptionError, suggest

Validator = Callable[[Any, Any, Any], None]


def whole(least: int) -> Validator:
    """Accept whole numbers from ``least`` on."""

    def check(owner: Any, field: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise _wrong(owner, field, value, f"a whole number of {least} or more")

    return check


def real(*, above: float = -math.inf, least: float = -math.inf, below: float = math.inf, most: float = math.inf) -> Validator:
    """Accept finite numbers: more than ``above``, at least ``least``, less than ``below``, at most ``most``."""
    limits = [
        text
        for text, limit in (
            (f"above {above:g}", above),
            (f"from {least:g} on", least),
            (f"below {below:g}", below),
            (f"up to {most:g}", most),
        )
        if math.isfinite(limit)
    ]

    def check(owner: Any, field: Any, value: Any) -> None:
        fits = _number(value) and above < value < below and least <= value <= most
        if not fits:
            raise _wrong(owner, field, value, " ".join(["a number", " and ".join(limits)]).strip())

    return check


def flag(owner: Any, field: Any, value: Any) -> None:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise _wrong(owner, field, value, "True or False")


def one_of(*choices: str) -> Validator:
    """Accept one of some words."""

    def check(owner: Any, field: Any, value: Any) -> None:
        if not isinstance(value, str):
            raise _wrong(owner, field, value, "one of " + ", ".join(choices))
        if value not in choices:
            raise OptionError(f'"{field.name}" of {_called(owner)} is "{value}". {suggest(value, choices)}')

    return check


def decays(owner: Any, field: Any, value: Any) -> None:
    """Accept the two decays of Adam's moments, each in [0, 1)."""
    if len(value) != 2 or not all(_number(each) and 0 <= each < 1 for each in value):
        raise _wrong(owner, field, value, "two numbers from 0 on and below 1, such as (0.5, 0.999)")


def names(owner: Any, field: Any, value: Any) -> None:
    """Accept a sequence of names."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        raise _wrong(owner, field, value, 'names, such as ("encoder", "generator")')


def factors(owner: Any, field: Any, value: Any) -> None:
    """Accept a factor of 0 or more by slot."""
    if not isinstance(value, Mapping) or not all(_number(each) and each >= 0 for each in value.values()):
        raise _wrong(owner, field, value, 'factors of 0 or more by slot, such as {"encoder": 0.01}')


def refuse_kind(name: str, annotation: Any, value: Any) -> None:
    """Raise OptionError where the value of a component's option is plainly of another kind than its annotation says.

    Only what can be told without doubt is refused: numbers, words, True and False, a choice of words, and unions of these.
    """
    wanted = _kinds(annotation)
    if wanted is None or any(_is(kind, value) for kind in wanted):
        return
    words = [each for kind in wanted if isinstance(kind, tuple) for each in kind]
    if words and isinstance(value, str) and all(isinstance(each, str) for each in words):
        raise OptionError(f'"{name}" is "{value}". {suggest(value, words)}')
    raise OptionError(f'"{name}" is {value!r}; it must be {" or ".join(_says(kind) for kind in wanted)}.')


_SAYS = {int: "a whole number", float: "a number", bool: "True or False", str: "a word", type(None): "None"}


def _kinds(annotation: Any) -> list[Any] | None:
    """Return the plain kinds of an annotation, a tuple for a choice of values; None where it holds any other."""
    if annotation is None:
        return [type(None)]
    if annotation in _SAYS:
        return [annotation]
    if get_origin(annotation) is Literal:
        return [get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_kinds(each) for each in get_args(annotation)]
        return None if any(part is None for part in parts) else [kind for part in parts for kind in part or ()]
    return None


def _is(kind: Any, value: Any) -> bool:
    if isinstance(kind, tuple):
        return any(value == each and type(value) is type(each) for each in kind)
    if kind is float:
        return _number(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _says(kind: Any) -> str:
    return "one of " + ", ".join(map(str, kind)) if isinstance(kind, tuple) else _SAYS[kind]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_OWNERS = {
    "FitOptions": "the training",
    "ImageSpec": "the image",
    "Optimizer": "an optimizer",
    "Recipe": "the recipe",
    "Schedule": "the schedule",
    "Term": "a term",
}


def _called(owner: Any) -> str:
    kind = type(owner).__name__
    return _OWNERS.get(kind) or f'{kind.lower()} "{owner.name}"'


def _wrong(owner: Any, field: Any, value: Any, wanted: str) -> OptionError:
    return OptionError(f'"{field.name}" of {_called(owner)} is {value!r}; it must be {wanted}.')
