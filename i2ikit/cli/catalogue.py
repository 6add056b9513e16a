"""``i2ikit list``: the components and recipes of the installed plugins. Imports no torch."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli.output import echo
from i2ikit.core.component import ROLES, Component
from i2ikit.core.registry import default_registry
from i2ikit.core.visible_text import make_visible
from i2ikit.errors import I2IKitError

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--role", type=click.Choice(ROLES), help="List only the components of this role.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def catalogue(pattern: str, role: str | None, as_json: bool) -> None:
    """List the available recipes and components.

    PATTERN selects names; it can contain wildcards, such as 'stargan*'. By default all names are listed.
    """
    registry = default_registry()
    components = registry.components(role, filter=pattern)
    recipes = {} if role else {name: _describe_recipe(registry, name) for name in registry.recipes(filter=pattern)}
    if as_json:
        echo(json.dumps({"components": [_make_entry(registry, each) for each in components], "recipes": recipes}, indent=2))
        return
    sections: list[tuple[str, list[tuple[str, str]]]] = [("recipe", list(recipes.items()))]
    sections += [(each, [(part.name, part.description) for part in components if part.role == each]) for each in ROLES]
    found = [(title, rows) for title, rows in sections if rows]
    if not found:
        echo(f'No component or recipe matches "{pattern}".')
    elif sys.stdout.isatty():
        _print_table(found)
    else:
        for title, rows in found:
            for name, description in rows:
                echo(f"{title}\t{name}\t{description}")


def _describe_recipe(registry: Registry, name: str) -> str:
    try:
        return registry.recipe(name).description
    except I2IKitError as error:  # one broken recipe must not hide the others
        return f"cannot be loaded: {error}"


def _make_entry(registry: Registry, component: Component) -> dict[str, Any]:
    plugin = next(plugin for plugin in registry.plugins() if component in plugin.components)
    return {
        "name": component.name,
        "role": component.role,
        "description": component.description,
        "factory": component.factory,
        "plugin": plugin.name,
        "distribution": plugin.distribution,
    }


def _print_table(sections: list[tuple[str, list[tuple[str, str]]]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for title in ("", "name", "description"):
        table.add_column(title, no_wrap=title == "name")
    for title, rows in sections:
        for index, (name, description) in enumerate(rows):
            title_text = Text("" if index else title, style="bold")
            table.add_row(title_text, Text(make_visible(name), style="cyan"), Text(make_visible(description)))
        table.add_section()
    Console(highlight=False).print(table)
