"""Messages of the library in terms of the command line: ``channels=3`` as ``--channels 3``. Imports no torch."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import click

# Options of the library that a command has under another name.
OTHER_NAMES = {
    "sample": {"domain": "--to"},
    "train": {"terms": "--set", "players": "--set", "slots": "--set", "stages": "--set"},
}
_PHRASES = (
    (r"\bmodel\.(sample|translate)\b", r"i2ikit \1"),
    (r", for example with Pillow: image\.convert\([^()]*\)", ""),
    (r",? or call build\([^()]*\)", ""),
    (r"\bCall resume\(run, data=\.\.\.\)", "Name it again: --data PATH"),
    (r"\bbuild\((?:\.\.\.|RECIPE), ((?:[^()]|\([^()]*\))*)\)", r"\1"),
    (r"\bOpen (the data|both) with( the same)?", r"Use\2"),
)
_NAME = re.compile(r"(?<![\w.\-/=,:\"'])([a-z][a-z_]*)=(?!=)")
_AFTER_FLAG = re.compile(r"--[a-z-]+ $")


def name_options(text: str, command: click.Command | None = None) -> str:
    """Return a message in which options of the library have the form of the command line.

    Args:
        text: The message.
        command: The command whose options are named; by default the one that runs.
    """
    context = click.get_current_context(silent=True)
    command = command or (context.command if context is not None else None)
    if command is None:
        return text
    flags = list_flags(command)
    if command.name in ("data", "check"):  # what it says about data is for the training
        flags = list_flags(_find_train()) | flags
    if "holdout" not in flags:
        text = re.sub(r"\bholdout=([\d.]+)", r"a share of \1", text)
    for pattern, replacement in _PHRASES:
        text = re.sub(pattern, replacement, text)
    text = _rename_kinds(text, flags)
    parts, start = [], 0
    for match in _NAME.finditer(text):
        name = match[1]
        if match.start() < start or name not in flags or _AFTER_FLAG.search(text, 0, match.start()):
            continue  # such as --set batch=8 or --to size=large
        value, end = _read_value(text, match.end())
        parts += [text[start : match.start()], _format_option(flags[name], name, value)]
        start = end
    renamed = "".join([*parts, text[start:]])
    for name, flag in flags.items():
        if "_" in name:
            renamed = re.sub(rf"(?<![\w./-])(?<!called )(?<!called \")\"?{name}\b\"?(?![\w/=]|\.\w)", flag, renamed)
    return re.sub(r"(--[a-z-]+(?: [\w#-]+)?),? or \1(?![\w-])", r"\1", renamed)


def rename_error(error: Exception, command: click.Command) -> None:
    """Rewrite the message of an error in terms of a command; its class and its other attributes stay."""
    if error.args and isinstance(error.args[0], str):
        error.args = (name_options(error.args[0], command), *error.args[1:])


class NamedOptions:
    """A progress that shows the lines of the library in terms of the command line."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress

    def say(self, text: str) -> None:
        """Show a line."""
        self._progress.say(name_options(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._progress, name)


def list_flags(command: click.Command) -> dict[str, str]:
    """Return the flag for each option of the library that a command, or one of its subcommands, has."""
    flags: dict[str, str] = {}
    for each in [*getattr(command, "commands", {}).values(), command]:
        for param in each.params:
            if isinstance(param, click.Option) and param.name not in (None, "sets", "help"):
                flags[str(param.name)] = next((each for each in param.opts if each.startswith("--")), param.opts[0])
    return flags | OTHER_NAMES.get(command.name or "", {})


def _find_train() -> click.Command:
    found: click.Command = import_module("i2ikit.cli.train").train  # that module imports this one
    return found


def _rename_kinds(text: str, flags: Mapping[str, str]) -> str:
    """Rename ``batch_kind="unpaired"`` where the recipe decides the batch kind."""
    if "batch_kind" in flags:
        return text
    kind = r'batch_kind="?(\w+)"?'
    text = re.sub(rf",? or {kind} to [^.,]*", "", text)
    text = re.sub(rf"\b(U|u)se {kind}", r"\1se a recipe for \2 data", text)
    return re.sub(kind, r"\1 data", text)


def _read_value(text: str, start: int) -> tuple[Any, int]:
    """Return the value after ``name=`` and its end: a text, a mapping, a tuple, or None for no value."""
    if text[start : start + 1] in ("{", "("):
        end = _find_end(text, start)
        try:
            return ast.literal_eval(text[start:end]), end
        except (ValueError, SyntaxError):
            return text[start:end].strip("{}").translate({ord("'"): None, ord('"'): None}).replace(": ", "="), end
    match = re.compile(r"\"([^\"]*)\"|'([^']*)'|\.\.\.|[\w#+-][\w#+,.:-]*(?<![.,:])").match(text, start)
    if match is None:
        return None, start
    return next((each for each in match.groups() if each is not None), match[0]), match.end()


def _find_end(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += text[index] in "({["
        depth -= text[index] in ")}]"
        if not depth:
            return index + 1
    return len(text)


def _format_option(flag: str, name: str, value: Any) -> str:
    """Return an option of the command line, such as ``--channels 3``."""
    if value is None or value in ("True", "False"):
        return flag if value != "False" else f"--no-{flag[2:]}"
    if value in ("...", ...):
        return f"{flag} {name.upper()}"
    if isinstance(value, Mapping):
        prefix = f"{name}." if flag == "--set" else ""
        return " ".join(f"{flag} {shlex.quote(f'{prefix}{path}={each}')}" for path, each in _flatten(value))
    if isinstance(value, (tuple, list)):
        value = ",".join(map(str, value))
    quoted = str(value) if re.fullmatch(r"[\w#+,.:=-]+", str(value)) else f'"{value}"'
    return f"{flag} {quoted}"


def _flatten(value: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, each in value.items():
        name = f"{path}{key}"
        if isinstance(each, Mapping) and each:
            yield from _flatten(each, f"{name}.")
        else:
            yield name, "VALUE" if each is ... else "none" if each is None else str(each).lower() if isinstance(each, bool) else str(each)
