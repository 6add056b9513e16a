"""JSON files that were written by this library, and may have been changed or damaged since. This module does not import torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from i2ikit.errors import CheckpointError
from i2ikit.regular_files import read_regular

MAX_DEPTH = 40
"""Of mappings and lists in each other. Files of this library have about ten levels."""


class DamagedFileError(CheckpointError):
    """A JSON file that is missing, cannot be read, or does not hold a JSON object."""


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises:
        DamagedFileError: The file is missing or damaged.
    """
    try:
        content = read_regular(path)
    except FileNotFoundError:
        raise DamagedFileError(f'"{path}" is missing.') from None
    except OSError as error:
        raise DamagedFileError(f'"{path}" cannot be read: {error.strerror or error}.') from error
    try:
        return parse_object(content)
    except ValueError as error:
        raise DamagedFileError(f'"{path}" is damaged: {error}.') from None


def read_translated(path: Path, translate: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Read a JSON object from a file, and translate its names to the present ones.

    Args:
        path: The file.
        translate: A function of :mod:`i2ikit.core.former_names`.

    Raises:
        DamagedFileError: The file is missing or damaged, or has not the form of a former version.
    """
    data = read_object(path)
    try:
        return translate(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f'"{path}" is damaged: it has not the form of a former version ({error!r}).') from None


def parse_line(line: bytes | str) -> dict[str, Any] | None:
    """Return the JSON object in a line of a file; None if the line is damaged, or incomplete because a process was killed."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def parse_object(content: bytes | str) -> dict[str, Any]:
    """Return the JSON object in a text.

    Raises:
        ValueError: The text is no JSON, holds something else than an object, or holds a key twice.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not a text in UTF-8 (byte {error.start:,})") from None
    try:
        data = json.loads(text, object_pairs_hook=_refuse_double_keys)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg}, line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("it does not contain a JSON object")
    if not _is_flat_enough(data):
        raise ValueError(f"it is nested too deeply, in more than {MAX_DEPTH} levels")
    return data


def _refuse_double_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'it holds the key "{double}" twice')
    return found


def _is_flat_enough(data: object) -> bool:
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        level = [
            each for part in level for each in (part.values() if isinstance(part, Mapping) else part) if isinstance(each, (Mapping, list))
        ]
        if not level:
            return True
    return False
