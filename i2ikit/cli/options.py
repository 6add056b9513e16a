"""Checks of option values that run before anything slow. Imports no torch."""

from __future__ import annotations

import click

from i2ikit.errors import OptionError, suggest


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
