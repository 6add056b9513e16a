"""Checks of option values that run before anything slow. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from i2ikit.errors import OptionError, suggest
from i2ikit.train.options import FitOptions, describe_option, list_options

if TYPE_CHECKING:
    from attrs import Attribute


def check_colour(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the text of a colour unchanged, or raise OptionError if it is not a colour."""
    if value is None:
        return None
    from PIL import ImageColor

    try:
        ImageColor.getrgb(value)
    except ValueError:
        hint = suggest(value, [*ImageColor.colormap]) if value.isalpha() else ""
        near = hint if hint.startswith("Did you mean") else "Write a name such as white, or a code such as #ffffff."
        raise OptionError(f'{option.opts[0]} "{value}" is not a colour. {near}') from None
    return value


def add_fit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for each option of :class:`i2ikit.train.FitOptions` that has one; :func:`read_fit_options` reads their values."""
    for option in reversed(_list_flags()):
        flag, kind = f"--{option.name.replace('_', '-')}", str(option.type).removesuffix(" | None")
        flag += f"/{option.metadata['opposite']}" if option.metadata["opposite"] else ""
        types: dict[str, type | None] = {"int": int, "float": float, "bool": None}
        command = click.option(flag, option.name, type=types.get(kind, str), default=None, help=describe_option(option))(command)
    return command


def read_fit_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training options that a command was given, by name.

    Raises:
        I2IKitError: A value is unknown or out of range.
    """
    found = {each.name: given[each.name] for each in _list_flags() if given[each.name] is not None}
    if str(found.get("devices", "")).isdigit():
        found["devices"] = int(found["devices"])
    FitOptions.from_names(found)
    return found


def _list_flags() -> list[Attribute[Any]]:
    return [each for each in list_options() if each.metadata["has_flag"]]
