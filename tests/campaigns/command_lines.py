"""Seeded command lines with a bad value in an option or an argument, for every parameter of every command."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from i2ikit.cli import COMMANDS, cli

NUMBERS = (
    "-1",
    "0",
    "-0",
    "1",
    "99999999999999999999",
    "-99999999999999999999",
    "1" * 5000,
    "1e3",
    "1.5",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "²",
    "0x10",
)
TEXTS = (
    "", " ", "=", ",", ",,", "a=", "=b", "a=b=c", "a.b=1", "\x1b[31m", "\udcff", "\u202e", "x" * 5000, "..", "none", "*", "[", "{}", "🙂",
    "--", "-x", "nan",
)  # fmt: skip
PATHS = ("", " ", "/dev/null", "/nonexistent/x", "x" * 300, "/" + "x/" * 3000, "\udcff", "~", ".", "*", "[", "a\nb")


def list_commands() -> dict[tuple[str, ...], click.Command]:
    """Return all commands by their words, such as ``("data", "check")``."""
    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(cli)

    def add(words: tuple[str, ...], command: click.Command) -> None:
        if isinstance(command, click.Group):
            for name, each in command.commands.items():
                add((*words, name), each)
        else:
            found[words] = command

    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        add((name,), command)
    return found


def list_base_words(run: Path, folder: Path) -> dict[tuple[str, ...], list[str]]:
    """Return words with which each command does little.

    Args:
        run: A small run with test images.
        folder: An empty folder, for what the commands write.
    """
    data = ["--data", "faces:count=24,size=16", "--size", "16", "--set", "generator.width=4", "--set", "generator.blocks=1"]
    return {
        ("demo",): ["--run", str(folder / "demo"), "--minutes", "0.01", "--size", "16"],
        ("train",): ["stargan-fast", *data, "--run", str(folder / "run"), "--dry-run"],
        ("translate",): [str(run), str(folder / "in.png"), str(folder / "out.png"), "--to", "hair=black"],
        ("sample",): [str(run), str(folder / "samples"), "--count", "1"],
        ("eval",): [str(run), "--no-classifier", "--limit", "2", "--samples-per-input", "0"],
        ("page",): [str(run)],
        ("data", "check"): ["faces:count=4,size=16"],
        ("data", "make", "faces"): [str(folder / "faces"), "--count", "2", "--size", "16", "--no-views"],
        ("import",): ["stargan", str(folder / "imported"), "--generator", str(folder / "in.png")],
        ("list",): [],
        ("describe",): ["stargan"],
        ("bench", "ops"): ["--only", "bias_act", "--size", "1", "1", "8", "8", "--repeats", "1", "--memory-format", "NCHW"],
        ("doctor",): [],
    }


def make_command_lines(run: Path, folder: Path, seed: int, each: int) -> Iterator[list[str]]:
    """Yield command lines: for each parameter of each command ``each`` ones with a bad value, in random order of the values."""
    rng = random.Random(seed)
    base = list_base_words(run, folder)
    for words, command in list_commands().items():
        own = base[words]
        for parameter in command.params:
            for value in rng.sample(values := _list_values(parameter), min(each, len(values))):
                yield [*words, *_with_value(own, parameter, value, command)]


def make_contradictions(run: Path, folder: Path) -> Iterator[list[str]]:
    """Yield trainings that answer one question twice."""
    own = ["train", *list_base_words(run, folder)["train",]]
    twins: Mapping[str, tuple[str, ...]] = {
        "--steps 4": ("steps=3",),
        "--minutes 4": ("steps=3",),
        "--batch 2": ("batch=4",),
        "--lr 1e-3": ("lr=1e-4", "players.translator.lr=1e-4", "players.discriminator.optimizer.lr=1", 'players.translator={"lr": 1}'),
        "--ema 0.9": ("ema=0.5", "ema.half_life=3"),
        "--channels 3": ("channels=1", "image.channels=1"),
        "--size 16": ("size=32", "image.height=32", "image.width=32", "image=3", 'image={"width": 8}'),
        "--labels hair": ("labels=x", "domains=x"),
        "--source-channels 3": ("source_channels=1",),
        "--official": ("official=false",),
        "--source-content picture": ("source_content=label_map",),
        "--set steps=3": ("steps=4",),
    }
    for option, settings in twins.items():
        for setting in settings:
            yield [*own, *option.split(), "--set", setting]


def _list_values(parameter: click.Parameter) -> tuple[str, ...]:
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return ()
    if isinstance(parameter.type, (click.types.IntParamType, click.types.FloatParamType)):
        return (*NUMBERS, "", "x", "1,2")
    return (*PATHS, "a.xyz") if isinstance(parameter.type, click.Path) else (*TEXTS, *PATHS, *NUMBERS)


def _with_value(own: list[str], parameter: click.Parameter, value: str, command: click.Command) -> list[str]:
    if isinstance(parameter, click.Option):
        rest = list(own)
        for name in parameter.opts:
            while not parameter.multiple and name in rest:
                place = rest.index(name)
                del rest[place : place + 1 + parameter.nargs]
        return [*rest, parameter.opts[-1], *([value] * parameter.nargs)]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    rest, place = list(own), arguments.index(parameter)
    if place < len(rest):
        rest[place] = value
    else:
        rest.insert(place, value)
    return rest
