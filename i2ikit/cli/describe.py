"""``i2ikit describe NAME``: a component with all options and their meanings, or a recipe."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click
from attrs import fields

from i2ikit.cli.output import echo
from i2ikit.core.catalogue import recipe as find_recipe
from i2ikit.core.docstrings import read_docstring
from i2ikit.core.option_docs import OptionDoc, format_value, list_option_docs, list_setting_docs
from i2ikit.core.player import Player
from i2ikit.core.player_overrides import OPTIMIZER_SETTINGS
from i2ikit.core.registry import default_registry
from i2ikit.core.slot import SLOT_SETTINGS, TERM_SETTINGS, Slot, Term
from i2ikit.core.training import Ema, Optimizer, Schedule

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry
    from i2ikit.core.slot import Entry

_WIDTH = 110
_RECIPE_SETTINGS = ("batch", "steps", "flip", "jitter", "ema", "retranslate", "redraw", "source_channels", "source_content")
"""Those that are one value. The other parts of a recipe are shown by themselves."""


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
    options = list_option_docs(declared.role, factory)
    yield "options:" if options else "no options"
    for option in options:
        yield from _describe_option(option)
    if declared.mixes_batch:
        yield "The result for one image depends on the other images of its batch."


def _describe_option(option: OptionDoc, name: str = "", value: str | None = None) -> Iterator[str]:
    """Yield the lines of an option, with the value that it has instead of its default."""
    shown = option.default if value is None else value
    yield f"  {name or option.name}: {option.kind}{'  (required)' if shown is None else f' = {shown}'}"
    texts = [option.description, f"Allowed: {option.allowed}." if option.allowed else ""]
    for text in filter(None, texts):
        yield from textwrap.wrap(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _describe_settings(recipe: Recipe) -> Iterator[str]:
    """Yield the settings of a recipe with their values, and those of its slots, players and terms with their defaults."""
    yield ""
    yield "settings of the recipe, with their values (--set KEY=VALUE):"
    for option in list_setting_docs(type(recipe), _RECIPE_SETTINGS):
        yield from _describe_option(option, value=format_value(getattr(recipe, option.name)))
    for option in list_setting_docs(Schedule, [each.name for each in fields(Schedule)]):
        yield from _describe_option(option, f"schedule.{option.name}", format_value(getattr(recipe.schedule, option.name)))
    groups: list[tuple[str, str, type, Iterable[str]]] = [
        ("slots", "slots.NAME", Slot, [name for name in SLOT_SETTINGS if name != "wrappers"]),
        ("players", "players.NAME", Player, ("trains", "every", "pool")),
        ("players' optimizers", "players.NAME", Optimizer, ("name", *OPTIMIZER_SETTINGS)),
        ("terms", "terms.PLAYER/NAME", Term, TERM_SETTINGS),
    ]
    names_in_settings = {"name": "optimizer"}  # the name of an optimizer
    for title, prefix, owner, names in groups:
        yield f"settings of {title}, with their defaults:"
        for option in list_setting_docs(owner, list(names)):
            yield from _describe_option(option, f"{prefix}.{names_in_settings.get(option.name, option.name)}")
    yield "options of the component in a slot (--set SLOT.OPTION=VALUE) and of a loss: i2ikit describe COMPONENT"


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
    yield from _describe_settings(recipe)


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
