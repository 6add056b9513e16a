"""What the commands print. Every line passes through here, so that no text from outside controls the terminal."""

from __future__ import annotations

import io
import sys
from contextlib import suppress

import click

from i2ikit.cli.option_names import name_options
from i2ikit.core.visible_text import make_visible, make_visible_line
from i2ikit.lasting_output import discard_stream


def echo(text: object = "", *, err: bool = False, colour: str | None = None) -> None:
    """Print a text, which may have several lines.

    Args:
        text: The text. Characters that have an effect instead of a shape are shown as escapes.
        err: Whether to print to standard error.
        colour: Colour on a terminal.
    """
    click.secho(make_visible(text), fg=colour, err=err)


def print_error(line: object) -> int:
    """Print an error as one line, and return the exit code."""
    with suppress(OSError, ValueError):  # nobody reads it
        click.secho(f"error: {make_visible_line(line)}", fg="red", err=True)
    return 2


def print_warning(message: Warning | str, category: type[Warning] | None = None, *_: object, **__: object) -> None:
    """Print a warning as one line; it has the arguments of ``warnings.showwarning``."""
    with suppress(OSError, ValueError):
        click.secho(f"warning: {make_visible_line(name_options(str(message)))}", fg="yellow", err=True)


def show_unencodable_characters() -> None:
    """Print characters that the encoding of the terminal does not have as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def release_output() -> str | None:
    """Write what standard output and standard error still hold. Return what cannot be written, and why; it is discarded."""
    lost = None
    for name, stream in (("Standard error", sys.stderr), ("Standard output", sys.stdout)):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            discard_stream(stream)
            lost = f"{name} cannot be written: {error.strerror if isinstance(error, OSError) else error}"
    return lost
