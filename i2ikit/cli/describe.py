"""``i2ikit describe NAME``: a component with all options and their meanings, or a recipe."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from i2ikit.cli.output import echo
from i2ikit.core.catalogue import recipe as find_recipe
from i2ikit.core.contract import list_options
from i2ikit.core.docstrings import read_docstring
from i2ikit.core.registry import default_registry
from i2ikit.core.training import Ema

if TYPE_CHECKING:
    from i2ikit.core.player import Player
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry
    from i2ikit.core.slot import Entry, Term

_WIDTH = 110


@click.command()
@click.argument("name")
def describe(name: str) -> None:
    """Describe a component with its options, or a recipe. NAME is a name of `i2ikit list`, or a recipe file such as my.toml."""
    registry = default_registry()
    if name.endswith(".toml"):
        for line in _describe_recipe(find_recipe(name, registry)):
            echo(line)
        return
    plugin = registry.origin(name)
    lines = _describe_recipe(registry.recipe(name)) if name.rpartition(":")[2] in plugin.recipes else _describe_component(registry, name)
    for line in lines:
        echo(line)
    echo(f"from {plugin.name} ({plugin.distribution})")


def _describe_component(registry: Registry, name: str) -> Iterator[str]:
    declared = registry.component(name)
    factory = registry.resolve(name)
    yield f"{declared.name}: {declared.role}"
    yield declared.description
    docstring = read_docstring(factory)
    for paragraph in docstring.paragraphs:
        if not paragraph.startswith(declared.description.removesuffix(".")):
            yield ""
            yield from textwrap.wrap(paragraph, _WIDTH)
    yield ""
    meanings = docstring.list_entries("Args")
    options = list_options(declared.role, factory)
    yield "options:" if options else "no options"
    for key, option in options.items():
        kind = "" if option.annotation is option.empty else f": {inspect.formatannotation(option.annotation).strip(chr(39))}"
        default = "  (required)" if option.default is option.empty else f" = {option.default!r}"
        yield f"  {key}{kind}{default}"
        yield from textwrap.wrap(meanings.get(key, ""), _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    if declared.mixes_batch:
        yield "The result for one image depends on the other images of its batch."


def _describe_recipe(recipe: Recipe) -> Iterator[str]:
    yield f"{recipe.name}: recipe"
    yield from (line for line in (recipe.description, recipe.paper) if line)
    yield ""
    yield f"images [{recipe.image.channels}, {recipe.image.height}, {recipe.image.width}], batch {recipe.batch}"
    yield recipe.schedule.describe(recipe.steps)
    if recipe.ema:
        decay = f"half-life {recipe.ema.half_life:g} images" if isinstance(recipe.ema, Ema) else f"decay {recipe.ema:g}"
        yield f"averaged weights: {decay}"
    for name, stage in recipe.stages.items():
        yield f"stage {name}: recipe {stage.name}, {stage.steps:,} steps, is trained before"
    entries = ", ".join(recipe.labels.entries)
    yield f"labels: {entries or 'those of the data'}"
    for name, plan_options in zip(recipe.plan_names, recipe.options_by_plan, strict=True):
        yield f"plan: {name}{_format_options(plan_options)}"
    yield "slots:"
    for slot, filled in recipe.slots.items():
        notes = [f"one per {filled.per}"] if filled.per else []
        notes += [f"shared: {', '.join(filled.shared)}"] if filled.shared else []
        notes += ["frozen"] if filled.frozen else []
        notes += [f"weights: {filled.weights}"] if filled.weights else []
        notes += [f"wrappers: {_format_entries(filled.wrappers)}"] if filled.wrappers else []
        yield f"  {slot}: {_format_entries(filled.parts)}{'  [' + ', '.join(notes) + ']' if notes else ''}"
    yield "players:"
    for player in recipe.players:
        turn = "every step" if player.every == 1 else f"every {player.every} steps"
        yield f"  {player.name}: trains {', '.join(player.trains)}; {turn}; {_format_optimizer(player)}"
        for key, term in player.terms.items():
            yield f"    {key}: {_format_term(term)}"


def _format_optimizer(player: Player) -> str:
    lazy = ", corrected for lazy terms" if player.optimizer.lazy else ""
    pool = f"; pool of {player.pool} past fakes" if player.pool else ""
    return f"{player.optimizer.name} lr {player.optimizer.lr:g}{lazy}{pool}"


def _format_term(term: Term) -> str:
    loss = term.loss if isinstance(term.loss, str) else getattr(term.loss, "__qualname__", repr(term.loss))
    every = f", every {term.every}" if term.every > 1 else ""
    updates = f", updates {', '.join(term.updates)}" if term.updates else ""
    translations = f" on {', '.join(term.translations)}" if term.translations else ""
    return f"{term.weight_text} x {loss}{_format_options(term.options)}{translations}{every}{updates}"


def _format_entries(entries: Iterable[Entry]) -> str:
    return " + ".join(f"{name}{_format_options(options)}" for name, options in entries)


def _format_options(options: object) -> str:
    if not isinstance(options, dict) or not options:
        return ""
    return "(" + ", ".join(f"{key}={value!r}" for key, value in options.items()) + ")"
