"""Checks of the arguments of public functions, declared where the function is. This module does not import torch.

A wrong argument is then named in one line, and not by an exception from deep within.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from numbers import Integral
from os import PathLike, fspath
from typing import Any, ParamSpec, TypeVar

from i2ikit.core.short_repr import shorten
from i2ikit.core.validators import LARGEST
from i2ikit.errors import InputTypeError, OptionError

P = ParamSpec("P")
R = TypeVar("R")
_NOT_GIVEN = object()
Check = Callable[[str, Any], None]


def check_arguments(**checks: Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that checks arguments by name.

    An argument that is not given, or is its default, is not checked; nor is None, if the annotation has it.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:  # Python names what is missing or unknown
                return function(*args, **kwargs)
            for name, check in checks.items():
                parameter, value = signature.parameters[name], given.get(name, _NOT_GIVEN)
                allows_none = value is None and "None" in str(parameter.annotation)
                if value is not _NOT_GIVEN and value is not parameter.default and not allows_none:
                    check(name, value)
            return function(*args, **kwargs)

        return call

    return decorate


def a_path(name: str, value: Any) -> None:
    """Accept a text or a path; not an empty text, which would be the working directory."""
    if not isinstance(value, (str, PathLike)) or not isinstance(fspath(value), str):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be a path.")
    text = str(fspath(value))
    if not text.strip() or "\0" in text:
        raise OptionError(f"{name} is {shorten(text)}; it must be a path that is not empty.")


def a_text(name: str, value: Any) -> None:
    """Accept a text that is not empty."""
    if not isinstance(value, str):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be a text.")
    if not value.strip():
        raise OptionError(f"{name} is {value!r}; it must be a text that is not empty.")


def names(name: str, value: Any) -> None:
    """Accept a text, or several of them."""
    if isinstance(value, str):
        return
    if isinstance(value, (bytes, dict)) or not isinstance(value, Iterable) or not all(isinstance(each, str) for each in value):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be a text, or several texts in a tuple.")


def whole(minimum: int, maximum: int = LARGEST) -> Check:
    """Return a check that accepts whole numbers from ``minimum`` to ``maximum``."""

    def check(name: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, Integral)):
            raise InputTypeError(f"{name} is {shorten(value)}; it must be a whole number.")
        if not minimum <= int(value) <= maximum:
            limits = f"of {minimum} or more" if maximum == LARGEST else f"from {minimum} to {maximum}"
            raise OptionError(f"{name}={shorten(value)} is out of range: it must be a whole number {limits}.")

    return check


def sides(name: str, value: Any) -> None:
    """Accept a number of pixels, or height and width."""
    pair = (value,) if isinstance(value, int) and not isinstance(value, bool) else value
    is_pair = isinstance(pair, Sequence) and not isinstance(pair, (str, bytes)) and len(pair) in (1, 2)
    if not is_pair or not all(isinstance(each, int) and not isinstance(each, bool) for each in pair):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be a number of pixels, or height and width.")
    if not all(1 <= each <= MAX_SIDE for each in pair):
        raise OptionError(f"{name} is {shorten(value)}; it must be 1 to {MAX_SIDE} pixels.")


def yes_or_no(name: str, value: Any) -> None:
    """Accept True and False."""
    if not isinstance(value, bool):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be True or False.")


def a_function(name: str, value: Any) -> None:
    """Accept a function."""
    if not callable(value) or isinstance(value, type):
        raise InputTypeError(f"{name} is {shorten(value)}; it must be a function.")


def instance(place: str, what: str) -> Check:
    """Return a check that accepts objects of a class.

    Args:
        place: The class, as ``"module:Class"``. It is imported when it is first needed.
        what: What it is in messages, such as ``"a model"``.
    """

    def check(name: str, value: Any) -> None:
        module, _, kind = place.partition(":")
        if not isinstance(value, getattr(import_module(module), kind)):
            raise InputTypeError(f"{name} is {shorten(value)}; it must be {what}.")

    return check


def having(what: str, *attributes: str) -> Check:
    """Return a check that accepts objects with attributes: a stand-in of a model or of a data set is one."""

    def check(name: str, value: Any) -> None:
        if isinstance(value, type) or not all(hasattr(value, each) for each in attributes):
            raise InputTypeError(f"{name} is {shorten(value)}; it must be {what}.")

    return check


def either(*checks: Check) -> Check:
    """Return a check that accepts what one of several checks accepts. The error is that of the last one."""

    def check(name: str, value: Any) -> None:
        for each in checks[:-1]:
            try:
                each(name, value)
            except (InputTypeError, OptionError):
                continue
            return
        checks[-1](name, value)

    return check


def one_or_several(check_one: Check) -> Check:
    """Return a check that accepts one value or a list of them."""

    def check(name: str, value: Any) -> None:
        for each in value if isinstance(value, (list, tuple)) else (value,):
            check_one(name, each)

    return check


MAX_SIDE = 65_536
"""The largest height or width of an image, in pixels."""
A_MODEL = instance("i2ikit.core.model:Model", "a model, such as build or load returns")
