"""``--background COLOUR``, checked before anything slow begins. Imports no torch."""

from __future__ import annotations

import click

from i2ikit.errors import OptionError, suggest


def colour(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a colour as it was typed, or raise OptionError where it is none."""
    if value is None:
        return None
    from PIL import ImageColor

    try:
        ImageColor.getrgb(value)
    except ValueError:
        hint = suggest(value, [*ImageColor.colormap]) if value.isalpha() else ""
        near = hint if hint.startswith("Did you mean") else "Write a name such as white, or #ffffff."
        raise OptionError(f'{option.opts[0]} "{value}" is no colour. {near}') from None
    return value
