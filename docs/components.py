"""Writes docs/components.md from the plugins that this distribution brings: ``python docs/components.py``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from i2ikit.core.component import ROLES, Component, get_factory_options
from i2ikit.core.plans import PLANS
from i2ikit.core.plugins import Plugin
from i2ikit.core.recipe import Recipe
from i2ikit.core.registry import Registry, default_registry

PAGE = Path(__file__).with_name("components.md")
GIVEN = ("image", "code", "domain", "t", "translation")  # by the build, not by the user
HEAD = """# Components

<!-- written by docs/components.py; a test says when it is out of date -->

Every recipe and every part that i2ikit brings, with its options. `i2ikit list` shows the same for all plugins that are installed, and
`i2ikit describe NAME` one of them.
"""
SAYS = {
    "encoder": "An encoder makes a code of an image.",
    "conditioner": "A conditioner turns a code towards a target.",
    "generator": "A generator draws an image from a code.",
    "discriminator": "A discriminator scores an image.",
    "loss": "A loss is a function of one translation; its options are given in a `Term`.",
    "plan": "A plan makes translations of a batch.",
}
SECTION = re.compile(r"^(Args|Shapes|Attributes|Raises|Returns|Example):\n((?:(?:    .*)?\n)*)", re.MULTILINE)


def page(registry: Registry) -> str:
    """Return the page for the library's own plugins."""
    own = [plugin for plugin in registry.plugins() if plugin.distribution.partition(" ")[0] == "i2ikit"]
    lines = [HEAD, "## Recipes", ""]
    for plugin in own:
        for name in plugin.recipes:
            lines += _recipe(registry.recipe(f"{plugin.name}:{name}"))
    for role in ROLES:
        parts = [(plugin, each) for plugin in own for each in plugin.components if each.role == role]
        plans = list(PLANS.items()) if role == "plan" else []
        if parts or plans:
            lines += [f"## {role.capitalize()}s" if role != "loss" else "## Losses", "", SAYS[role], ""]
        for name, plan in plans:
            lines += [f"### `{name}`", "", *_documented(inspect.getdoc(plan) or "", _defaults(plan, skip=4)), "in the core", ""]
        for plugin, each in parts:
            lines += _component(registry, plugin, each)
    return "\n".join(lines).rstrip() + "\n"


def _component(registry: Registry, plugin: Plugin, declared: Component) -> Iterator[str]:
    factory = registry.resolve(f"{plugin.name}:{declared.name}")
    yield from (f"### `{declared.name}`", "", declared.description, "")
    yield from _documented(inspect.getdoc(factory) or "", _defaults(factory))
    if declared.curve:
        yield from (f"*Its curve*: {declared.curve}", "")
    if declared.mixes_batch:
        yield from ("The result for one image depends on the other images of its batch.", "")
    yield from (f"from `{declared.factory}`", "")


def _defaults(factory: object, skip: int = 0) -> dict[str, str]:
    """Return the options that a user gives, each with its default."""
    parameters = list(get_factory_options(factory).values())[skip:]  # type: ignore[arg-type]
    options = {each.name: each.default for each in parameters if not (each.default is each.empty and each.name in GIVEN)}
    return {name: "required" if value is inspect.Parameter.empty else f"`{value!r}`" for name, value in options.items()}


def _documented(text: str, defaults: Mapping[str, str]) -> Iterator[str]:
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text) + "\n"
    sections = dict(SECTION.findall(text))
    for paragraph in re.split(r"\n\s*\n", SECTION.sub("", text).strip()):
        yield from (paragraph.replace("\n", " ").replace("``", "`"), "")
    if "Shapes" in sections:
        yield from (*(line for line in sections["Shapes"].rstrip().splitlines()), "")
    if defaults:
        told = _entries(sections.get("Args", ""))
        yield from ("| option | default | |", "|---|---|---|")
        for name, default in defaults.items():
            yield f"| `{name}` | {default} | {told.get(name, '')} |"
        yield ""


def _entries(body: str) -> dict[str, str]:
    """Return what a docstring says of each argument."""
    found: dict[str, str] = {}
    name = ""
    for line in body.splitlines():
        entry = re.match(r"^    (\w+): (.*)$", line)
        if entry:
            name = entry[1]
            found[name] = entry[2].strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return {key: value.replace("|", "\\|") for key, value in found.items()}


def _recipe(recipe: Recipe) -> Iterator[str]:
    yield from (f"### `{recipe.name}`", "", recipe.description, "")
    image, schedule = recipe.image, recipe.schedule
    decay = f"rates fall linearly after {schedule.start:.0%} of them" if schedule.kind == "linear" else "constant rates"
    size = f"[{image.channels}, {image.height}, {image.width}]"
    averages = f", averaged weights ({recipe.ema:g})" if recipe.ema else ""
    yield f"{recipe.paper}. Plan `{recipe.plan_name}`, images {size}, batch {recipe.batch}, {recipe.steps:,} steps, {decay}{averages}."
    yield ""
    yield from ("| slot | component | options |", "|---|---|---|")
    for name, slot in recipe.slots.items():
        yield f"| {name} | `{slot.component}` | {', '.join(f'{key}={value!r}' for key, value in slot.options.items())} |"
    yield from ("", "| player | every | term | weight | loss |", "|---|---|---|---|---|")
    for player in recipe.players:
        for name, term in player.terms.items():
            yield f"| {player.name} | {player.every} | {name} | {term.weight:g} | `{term.loss}` |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(default_registry()), encoding="utf-8")
    print(f"wrote {PAGE}")  # noqa: T201  a script for a terminal
