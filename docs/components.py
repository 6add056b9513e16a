"""Writes docs/components.md from the plugins that this distribution contains: ``python docs/components.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from i2ikit.core.component import ROLES, Component
from i2ikit.core.contract import FACTORY_ARGUMENTS, MEMBERS, list_options
from i2ikit.core.docstrings import Docstring, read_docstring
from i2ikit.core.player import Player
from i2ikit.core.plugins import Plugin
from i2ikit.core.recipe import Recipe
from i2ikit.core.registry import Registry, default_registry
from i2ikit.core.slot import Slot, Term
from i2ikit.core.training import Ema

PAGE = Path(__file__).with_name("components.md")
HEAD = """# Components

<!-- written by docs/components.py; a test fails if it is out of date -->

All recipes and components of i2ikit, with their options. `i2ikit list` names those of all installed plugins, and `i2ikit describe NAME`
shows one of them. [Concepts](concepts.md) explains the words.

The loss of a term is multiplied by its weight. With the interval n, a term is used at every n-th step.
"""
ROLE_DESCRIPTIONS = {
    "encoder": "An encoder computes a code from an image.",
    "conditioner": "A conditioner changes a code so that it leads to the target.",
    "generator": "A generator computes an image from a code.",
    "discriminator": "A discriminator scores an image.",
    "loss": "A loss is a function of one translation. Its options are written in a `Term`.",
    "plan": "A plan makes the translations of a batch.",
    "wrapper": 'A wrapper stands around a network: `slots={"discriminator": {"wrappers": ["diff_augment"]}}`.',
}
BAR = "\\|"  # a bar inside a table


def page(registry: Registry) -> str:
    """Return the page for the library's own plugins."""
    own = [plugin for plugin in registry.plugins() if plugin.distribution.partition(" ")[0] == "i2ikit"]
    lines = [HEAD, "## Recipes", ""]
    for plugin in own:
        for name in plugin.recipes:
            lines += _format_recipe(registry.recipe(f"{plugin.name}:{name}"))
    for role in ROLES:
        components = [(plugin, each) for plugin in own for each in plugin.components if each.role == role]
        if components:
            lines += [f"## {role.capitalize()}s" if role != "loss" else "## Losses", "", ROLE_DESCRIPTIONS[role], ""]
        for plugin, each in components:
            lines += _format_component(registry, plugin, each)
    lines += _format_contract()
    return "\n".join(lines).rstrip() + "\n"


def _format_contract() -> Iterator[str]:
    """Say what the library reads from a component."""
    yield from ("## What the library reads from a component", "")
    yield from ("A factory may take these arguments, which `build` sets; all others are options.", "", "| argument | value |", "|---|---|")
    yield from (f"| `{name}` | {description} |" for name, description in FACTORY_ARGUMENTS.items())
    yield from ("", "A network may have these members.", "", "| member | of | type | if it is missing | meaning |", "|---|---|---|---|---|")
    for each in MEMBERS:
        yield f"| `{each.name}` | {', '.join(each.roles)} | {each.expected} | {each.default or 'an error'} | {each.description} |"
    yield ""


def _format_component(registry: Registry, plugin: Plugin, declared: Component) -> Iterator[str]:
    factory = registry.resolve(f"{plugin.name}:{declared.name}")
    docstring = read_docstring(factory)
    yield from (f"### `{declared.name}`", "")
    if not " ".join(docstring.paragraphs).startswith(declared.description.removesuffix(".")):
        yield from (declared.description, "")
    yield from _format_docstring(docstring, _list_defaults(declared.role, factory))
    if declared.curve:
        yield from (f"*Its curve*: {declared.curve}", "")
    if declared.mixes_batch:
        yield from ("The result for one image depends on the other images of the batch.", "")
    yield from (f"from `{declared.factory}`", "")


def _list_defaults(role: str, factory: Callable[..., Any]) -> dict[str, str]:
    """Return the options that a user sets, each with its default."""
    options = list_options(role, factory)
    return {name: "required" if option.default is option.empty else f"`{option.default!r}`" for name, option in options.items()}


def _format_docstring(docstring: Docstring, defaults: Mapping[str, str]) -> Iterator[str]:
    for paragraph in docstring.paragraphs:
        yield from (paragraph, "")
    if "Shapes" in docstring.sections:
        yield from (*docstring.sections["Shapes"].rstrip().splitlines(), "")
    if defaults:
        descriptions = docstring.list_entries("Args")
        yield from ("| option | default | meaning |", "|---|---|---|")
        for name, default in defaults.items():
            yield f"| `{name}` | {default} | {descriptions.get(name, '').replace('|', BAR)} |"
        yield ""


def _format_recipe(recipe: Recipe) -> Iterator[str]:
    yield from (f"### `{recipe.name}`", "", recipe.description, "")
    image = recipe.image
    size = f"[{image.channels}, {image.height}, {image.width}]"
    ema = f"half-life {recipe.ema.half_life:g} images" if isinstance(recipe.ema, Ema) else f"decay {recipe.ema:g}"
    averages = f"; averaged weights ({ema})" if recipe.ema else ""
    plan = f"`{recipe.plan_name}`{_format_options(recipe.plan_options, ' with ')}"
    yield f"{recipe.paper}. Plan {plan}; images {size}; batch {recipe.batch}; {recipe.schedule.describe(recipe.steps)}{averages}."
    yield ""
    yield from ("| slot | component | options | networks |", "|---|---|---|---|")
    for name, slot in recipe.slots.items():
        yield f"| {name} | `{slot.title}` | {_format_options(slot.options)} | {_format_networks(slot)} |"
    yield from ("", "| player | term | weight | loss | options | interval |", "|---|---|---|---|---|---|")
    for player in recipe.players:
        for name, term in player.terms.items():
            loss = f"{term.weight_text} | `{term.loss}`"
            yield f"| {player.name} | {name} | {loss} | {_format_term(term)} | {_format_interval(player, term)} |"
    yield ""


def _format_options(options: Mapping[str, object], prefix: str = "") -> str:
    return prefix + ", ".join(f"`{key}={value!r}`" for key, value in options.items()) if options else ""


def _format_networks(slot: Slot) -> str:
    """Say how many networks a slot has, and which of their layers are shared."""
    number = {None: "one", "domain": "one per domain", "pair": "one per ordered pair of domains"}[slot.per]
    shared = f", sharing {', '.join(slot.shared)}" if slot.shared else ""
    return f"{number}{shared}{', frozen' if slot.frozen else ''}"


def _format_term(term: Term) -> str:
    translations = {"translations": ", ".join(term.translations)} if term.translations else {}
    return _format_options({**term.options, **translations})


def _format_interval(player: Player, term: Term) -> str:
    return str(player.every * term.every)


if __name__ == "__main__":
    PAGE.write_text(page(default_registry()), encoding="utf-8")
    print(f"wrote {PAGE}")  # noqa: T201  a script for a terminal
