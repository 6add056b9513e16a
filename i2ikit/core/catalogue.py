"""Recipes and components of the installed plugins, and recipes in files. This module does not import torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from i2ikit.core.arguments import a_text, check_arguments
from i2ikit.core.registry import Registry, default_registry

if TYPE_CHECKING:
    from i2ikit.core.component import Component
    from i2ikit.core.recipe import Recipe


@check_arguments(pattern=a_text)
def list_recipes(pattern: str = "*") -> tuple[str, ...]:
    """Return the names of the registered recipes that match a pattern, such as ``"*gan*"``."""
    return default_registry().recipes(pattern)


@check_arguments(role=a_text, filter=a_text)
def list_components(role: str | None = None, filter: str = "*") -> tuple[Component, ...]:  # noqa: A002  as in other libraries
    """Return the registered components of a role (default: all roles) whose names match a pattern, such as ``"*adain*"``."""
    return default_registry().components(role, filter)


@check_arguments(name=a_text)
def recipe(name: str, registry: Registry | None = None) -> Recipe:
    """Return a registered recipe, or the recipe in a file.

    Args:
        name: The name of a recipe, or the path of a file that ends with ``.toml``.
        registry: The registry of recipes (default: that of the installed plugins).

    Raises:
        UnknownNameError: There is no such recipe, or the file contains an unknown name.
        OptionError: The file cannot be read, or it contains a value that is not allowed.

    Example:
        >>> recipe("stargan").with_overrides(steps=10_000).steps
        10000
    """
    registry = registry or default_registry()
    if name.endswith(".toml"):
        from i2ikit.core.recipe_file import read_recipe

        return read_recipe(Path(name), registry)
    return registry.recipe(name)
