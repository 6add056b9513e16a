"""Data from JSON files as attrs classes: a wrong value is named by its key, what was found and what is expected, in one line.

cattrs makes the classes. It is stricter here than by default: numbers in texts are not converted, a text is no list of letters, and unknown
keys are refused. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from attrs import fields, has
from cattrs import Converter
from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from i2ikit.core.short_repr import shorten
from i2ikit.core.validators import is_number
from i2ikit.errors import CheckpointError, I2IKitError, suggest

T = TypeVar("T")
Hook = tuple[Any, Callable[[Any, Converter], Any]]
"""A type, and a function that makes it from data."""


class UnknownKeyError(CheckpointError):
    """A file has a key that this version does not know."""


class WrongValueError(ValueError):
    """A value that is not what is expected at its place.

    Attributes:
        expected: What the value must be, such as "a whole number".
        found: The value.
    """

    def __init__(self, expected: str, found: object) -> None:
        self.expected, self.found = expected, found
        super().__init__(f"is {shorten(found)}; it must be {expected}")


def structure(data: object, kind: type[T], title: str, converter: Converter | None = None, path: tuple[str, ...] = ()) -> T:
    """Return data from a JSON file as an attrs class.

    Args:
        data: What ``json.loads`` returned, with present names.
        kind: The class.
        title: What the data is in messages, such as ``'"runs/a/run.json"'``.
        converter: A converter that :func:`make_converter` returned. Default: one without further classes.
        path: The keys that lead to the data in its file.

    Raises:
        CheckpointError: A key is missing or unknown, or a value is wrong.
    """
    try:
        return (converter or make_converter()).structure(data, kind)
    except (BaseValidationError, WrongValueError, I2IKitError) as error:
        cause, keys = _find_cause(error, path)
        kind_of_error = UnknownKeyError if isinstance(cause, ForbiddenExtraKeysError) else CheckpointError
        raise kind_of_error(f"{title}: {_describe(cause, keys)}") from None


@cache
def make_converter(*hooks: Hook) -> Converter:
    """Return a strict converter.

    Args:
        hooks: Classes that are made in another way, each with a function of the data and the converter.
    """
    converter = Converter(forbid_extra_keys=True)

    def add(kind: type, expected: str, accept: Callable[[Any], bool]) -> None:
        def check(value: Any, _: Any) -> Any:
            if not accept(value):
                raise WrongValueError(expected, value)
            return value

        converter.register_structure_hook(kind, check)

    add(bool, "true or false", lambda value: isinstance(value, bool))
    add(int, "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64)
    add(float, "a number", is_number)
    add(str, "a text", lambda value: isinstance(value, str))
    for kinds, function in (({list, tuple}, _list), ({dict, Mapping}, _mapping)):
        converter.register_structure_hook_func(
            lambda each, kinds=kinds: _get_class(each) in kinds,  # type: ignore[misc]
            lambda value, kind, function=function: function(value, kind, converter),  # type: ignore[misc]
        )
    converter.register_structure_hook_func(lambda each: str(get_origin(each)) == "typing.Literal", _choice)

    def make_class(kind: Any) -> Callable[[Any, Any], Any]:
        make = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=False)

        def check(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise WrongValueError("a mapping", value)
            return make(value, kind)

        return check

    converter.register_structure_hook_factory(has, make_class)
    for kind, make in hooks:
        converter.register_structure_hook(kind, lambda value, _, make=make: make(value, converter))  # type: ignore[misc]
    return converter


def leave_out_unknown(kind: type) -> Hook:
    """Return the hook of an attrs class whose unknown keys are left out, not refused: other programs or plugins add some."""
    known = {each.name for each in fields(kind)}

    def make(data: Any, _: Converter) -> Any:
        own = {key: value for key, value in data.items() if key in known} if isinstance(data, Mapping) else data
        return make_converter().structure(own, kind)

    return kind, make


def _get_class(kind: Any) -> Any:
    origin: Any = get_origin(kind)
    return kind if origin is None else origin


def _list(value: Any, kind: Any, converter: Converter) -> Any:
    if not isinstance(value, list):
        raise WrongValueError("a list", value)
    inner, make = get_args(kind), get_origin(kind)
    fixed = make is tuple and inner and inner[-1] is not ...
    if fixed and len(value) != len(inner):
        raise WrongValueError(f"a list of {len(inner)} values", value)
    kinds = inner if fixed else (inner[0] if inner else Any,) * len(value)
    return make(_structure_each([(index, each, part) for index, (each, part) in enumerate(zip(value, kinds, strict=True))], converter))


def _mapping(value: Any, kind: Any, converter: Converter) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise WrongValueError("a mapping", value)
    inner = get_args(kind)[1] if get_args(kind) else Any
    return dict(zip(value, _structure_each([(key, each, inner) for key, each in value.items()], converter), strict=True))


def _structure_each(entries: list[tuple[Any, Any, Any]], converter: Converter) -> list[Any]:
    found = []
    for key, value, kind in entries:
        try:
            found.append(value if kind is Any else converter.structure(value, kind))
        except (BaseValidationError, WrongValueError, I2IKitError) as error:
            error.add_note(IterableValidationNote("", key, kind))
            raise IterableValidationError("", [error], kind) from None
    return found


def _choice(value: Any, kind: Any) -> Any:
    choices = get_args(kind)
    if not any(value == each and type(value) is type(each) for each in choices):
        raise WrongValueError("one of " + ", ".join(map(str, choices)), value)
    return value


def _find_cause(error: BaseException, path: tuple[str, ...]) -> tuple[BaseException, tuple[str, ...]]:
    """Return the first problem in an error of cattrs, and the keys that lead to it."""
    note = next((each for each in getattr(error, "__notes__", ()) if hasattr(each, "name") or hasattr(each, "index")), None)
    if note is not None:
        path = (*path, str(note.name if hasattr(note, "name") else note.index))
    return _find_cause(error.exceptions[0], path) if isinstance(error, BaseValidationError) else (error, path)


def _describe(error: BaseException, path: tuple[str, ...]) -> str:
    """Return a problem as a sentence."""
    key = ".".join(path)
    if isinstance(error, ForbiddenExtraKeysError):
        name = min(error.extra_fields, key=str)
        near = suggest(str(name), [each.name for each in fields(error.cl)])
        hint = f"{near} " if near.startswith("Did you mean") else ""
        return f'"{".".join((*path, str(name)))}" is an unknown key. {hint}Install the version of i2ikit that wrote it.'
    if isinstance(error, KeyError) and not isinstance(error, I2IKitError):
        return f'there is no "{key}".'
    if isinstance(error, WrongValueError):
        return f'"{key}" {error}.' if key else f"the content {error}."
    return f'"{key}": {error}' if key else str(error)
