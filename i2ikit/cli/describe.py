"""``i2ikit describe NAME``: a component or a recipe with all options."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from i2ikit.core.component import get_factory_options
from i2ikit.core.registry import default_registry

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe
    from i2ikit.core.registry import Registry
    from i2ikit.core.slot import Entry, Term

# Arguments that the build provides. The user does not choose them.
_BUILD_ARGUMENTS = ("image", "source", "code", "domain", "style", "translation", "t")


@click.command()
@click.argument("name")
def describe(name: str) -> None:
    """Describe a component or a recipe and list its options."""
    registry = default_registry()
    plugin = registry.origin(name)
    lines = _describe_recipe(registry.recipe(name)) if name.rpartition(":")[2] in plugin.recipes else _describe_component(registry, name)
    for line in lines:
        click.echo(line)
    click.echo(f"from {plugin.name} ({plugin.distribution})")


def _describe_component(registry: Registry, name: str) -> Iterator[str]:
    declared = registry.component(name)
    factory = registry.resolve(name)
    yield f"{declared.name}: {declared.role}"
    yield declared.description
    paragraph = (inspect.getdoc(factory) or "").partition("\n\n")[0]
    if paragraph and not paragraph.startswith(declared.description.removesuffix(".")):
        yield ""
        yield paragraph
    yield ""
    options = {
        key: value for key, value in get_factory_options(factory).items() if not (value.default is value.empty and key in _BUILD_ARGUMENTS)
    }
    yield "options:" if options else "no options"
    for key, option in options.items():
        kind = "" if option.annotation is option.empty else f": {inspect.formatannotation(option.annotation).strip(chr(39))}"
        default = "  (required)" if option.default is option.empty else f" = {option.default!r}"
        yield f"  {key}{kind}{default}"
    if declared.mixes_batch:
        yield "The result for one image depends on the other images of its batch."


def _describe_recipe(recipe: Recipe) -> Iterator[str]:
    yield f"{recipe.name}: recipe"
    yield from (line for line in (recipe.description, recipe.paper) if line)
    yield ""
    yield f"images [{recipe.image.channels}, {recipe.image.height}, {recipe.image.width}], batch {recipe.batch}"
    yield recipe.schedule.describe(recipe.steps)
    entries = ", ".join(recipe.labels.entries)
    yield f"labels: {entries or 'those of the data'}"
    for name, plan_options in zip(recipe.plan_name.split(" + "), recipe.options_by_plan, strict=True):
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
        yield f"  {player.name}: trains {', '.join(player.trains)}; {turn}; {player.optimizer.name} lr {player.optimizer.lr:g}"
        for key, term in player.terms.items():
            yield f"    {key}: {_format_term(term)}"


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
