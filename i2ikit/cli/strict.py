"""Checks of the values of all commands, in one place: no empty text, no number without a limit, no option that is given twice."""

from __future__ import annotations

import math
from typing import Any

import click

LARGEST = 10**9
"""The largest whole number of an option that declares no other limit."""
SEEDS = (-(2**63), 2**64 - 1)
"""The seeds that torch takes."""


class StrictCommand(click.Command):
    """A command that refuses a second value of an option that takes one: the first one would be ignored."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for parameter in order:
            several = isinstance(parameter, click.Option) and (parameter.multiple or parameter.count)
            if isinstance(parameter, click.Option) and not several and order.count(parameter) > 1 and not parameter.is_eager:
                raise click.UsageError(f"{parameter.opts[0]} is given {order.count(parameter)} times. Give it once.", ctx)
        return super().parse_args(ctx, args)


class StrictGroup(click.Group):
    """A group whose commands are strict."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        return None if found is None else make_strict(found)


class _Text(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.2
    """A text that is not empty."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text: str = click.STRING(value, param, ctx)
        if not text.strip():
            self.fail("it is empty.", param, ctx)
        return text


class _Path(click.Path):
    """A path that is not empty: an empty one would mean the working directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip():
            self.fail("it is empty.", param, ctx)
        return super().convert(value, param, ctx)


class _AnyNumber(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.2
    """A finite number of an option that declares no limits. Therefore the help shows none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class _Number(click.FloatRange):
    """A finite number in the limits that the option declares."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(_AnyNumber().convert(value, param, ctx), param, ctx)


class _AnyWholeNumber(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.2
    """A whole number of an option that declares no limits. Therefore the help shows none.

    Python refuses to read numbers of thousands of digits, in other words than too large ones.
    """

    name = "integer"

    def __init__(self, least: int = -LARGEST, most: int = LARGEST) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str) and len(value) > 30:
            self.fail(f"{value[:30]}... is not in the range from {self.least} to {self.most}.", param, ctx)
        number: int = click.IntRange(self.least, self.most).convert(value, param, ctx)
        return number


class _WholeNumber(click.IntRange):
    """A whole number in the limits that the option declares."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(
            _AnyWholeNumber(min(-LARGEST, self.min or 0), max(LARGEST, self.max or 0)).convert(value, param, ctx), param, ctx
        )


def make_strict(command: click.Command) -> click.Command:
    """Return a command with strict values. A type that declares its own limits keeps them."""
    if isinstance(command, click.Group):
        command.__class__ = StrictGroup if type(command) is click.Group else type(command)
    elif type(command) is click.Command:
        command.__class__ = StrictCommand
    for parameter in command.params:
        parameter.type = _make_strict_type(parameter.type, parameter.name or "")
    return command


def _make_strict_type(kind: Any, name: str) -> Any:
    if kind is click.STRING:
        return _Text()
    if type(kind) is click.Path:
        strict = _Path()
        vars(strict).update(vars(kind))
        return strict
    if kind is click.INT:
        return _AnyWholeNumber(*SEEDS) if name == "seed" else _AnyWholeNumber()
    if type(kind) is click.IntRange:
        return _WholeNumber(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
    if kind is click.FLOAT:
        return _AnyNumber()
    if type(kind) is click.FloatRange:
        return _Number(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
    return kind
