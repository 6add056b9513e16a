"""Checks of option values that run before anything slow. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.errors import OptionError, suggest
from i2ikit.quoting import split_pair, split_unquoted, unquote
from i2ikit.train.options import FitOptions, describe_option, list_options

if TYPE_CHECKING:
    from attrs import Attribute


OUTPUT_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".npy")


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
    if re.fullmatch("[0-9]{1,9}", str(found.get("devices", ""))):
        found["devices"] = int(found["devices"])
    FitOptions.from_names(found)
    return found


def _list_flags() -> list[Attribute[Any]]:
    return [each for each in list_options() if each.metadata["has_flag"]]


def check_image_suffix(out: str) -> None:
    """Raise OptionError if an output file has no suffix of an image file that can be written."""
    if Path(out).suffix.lower() not in OUTPUT_SUFFIXES:
        raise OptionError(f'"{out}" has no suffix of an image file ({", ".join(OUTPUT_SUFFIXES)}). Add a suffix, or end a folder with "/".')


def check_writable(folder: Path) -> None:
    """Raise OptionError if a folder cannot be created or written."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not existing.is_dir():
        raise OptionError(f'"{folder}" cannot be created, because "{existing}" is a file. Choose another output folder.')
    if not os.access(existing, os.W_OK):
        raise OptionError(f'Folder "{existing}" is not writable. Choose another output folder.')


def parse_target(words: Sequence[str]) -> dict[str, str] | str | None:
    """Parse ``--to``: values by attribute, a single word (a value of the only attribute, or a domain), or None."""
    if len(words) == 1 and split_pair(words[0])[1] is None:
        return unquote(words[0])
    return parse_values(words, "--to") or None


def parse_values(words: Sequence[str], option: str) -> dict[str, str]:
    """Parse the texts of an option that takes NAME=VALUE; names and values may be in double quotes.

    Raises:
        OptionError: A text has another form, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for word in (part for each in words for part in split_unquoted(each, ",")):
        name, value = split_pair(word)
        if not name or not value:
            raise OptionError(
                f'{option} "{word}" is not of the form NAME=VALUE. Write, for example, {option} hair=blond. A name or a value with a comma '
                f"or an equals sign is put in double quotes: {option} 'hair=\"a,b\"'."
            )
        if name in found:
            raise OptionError(f'{option} sets "{name}" twice. Give it only one value.')
        found[name] = value
    return found
