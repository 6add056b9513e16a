"""Every command of the pages has options that the command line knows, and overrides that the recipe accepts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import torch

from i2ikit import build, default_registry
from i2ikit.cli import cli
from i2ikit.cli.settings import apply_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "benchmarks").rglob("*.md"))]
COMMAND = re.compile(r"`(i2ikit [a-z-]+ [^`]+)`|^(i2ikit [a-z-]+ .*)$", re.MULTILINE)


def find_commands() -> list[str]:
    found = [match[1] or match[2].partition("  #")[0] for page in PAGES for match in COMMAND.finditer(page.read_text(encoding="utf-8"))]
    return sorted({each.strip() for each in found if "needs Python" not in each})


def parse_command(text: str) -> tuple[click.Command, dict[str, object]]:
    """Return the click command of a text and its options, as texts."""
    words = shlex.split(text)[1:]
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        assert found is not None, f"i2ikit has no command {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    options, rest, _ = command.make_parser(context).parse_args(words)
    arguments = sum(isinstance(each, click.Argument) for each in command.params)
    assert len(rest) == 0 or arguments, f"not understood: {rest}"
    return command, options


@pytest.mark.parametrize("text", find_commands())
def test_the_command_line_knows_the_options(text: str) -> None:
    command, options = parse_command(text)
    if command.name != "train" or not isinstance(options.get("recipe"), str):
        return
    if str(options["recipe"]).endswith(".toml"):
        return
    recipe, sets = default_registry().recipe(str(options["recipe"])), options.get("sets")
    with torch.device("meta"):
        build(apply_settings(recipe, sets if isinstance(sets, list) else []), rehearsal=False)


def test_the_pages_have_commands() -> None:
    assert len(find_commands()) > 30
