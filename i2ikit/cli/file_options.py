"""The options that say how image files are read: the range of their values, and the largest number of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from i2ikit.errors import OptionError


def add_file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--range`` and ``--max-pixels`` to a command."""
    add_range = click.option(
        "--range",
        "range",
        metavar="LOW,HIGH",
        callback=check_range,
        help="Values of black and white in the files, such as 0,4095. Default: the full depth of 8 and 16 bits; 0,1 for floats.",
    )
    return add_range(add_max_pixels(command))


def add_max_pixels(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--max-pixels`` to a command."""
    return click.option(
        "--max-pixels", type=click.IntRange(min=1), metavar="N", help="Largest number of pixels of an image file. Default: 200 million."
    )(command)


def check_range(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the text of a range unchanged, or raise OptionError if it is none."""
    if value is None:
        return None
    try:
        low, high = (float(part) for part in value.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise OptionError(
            f'{option.opts[0]} "{value}" is not a range of values. Give the value of black and that of white, such as 0,4095.'
        )
    return value
