"""Recipes in TOML files: overrides of a registered recipe, or a whole recipe. This module does not import torch."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.core.recipe import Recipe
from i2ikit.errors import I2IKitError, OptionError

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry

NONE = "none"  # TOML has no word for None
BINARY = "bool"  # the declaration of a binary attribute
TABLES = ("slots", "terms", "players")  # whose entries "none" removes


def read_recipe(path: Path, registry: Registry, _readers: tuple[Path, ...] = ()) -> Recipe:
    """Read a recipe from a file.

    The keys are those of :meth:`Recipe.with_overrides`; ``extends`` names the recipe to which they apply, or another file, relative to this
    one. Without it, the file is a whole recipe. As TOML has no ``None``, the text ``"none"`` removes a slot, a term or a player.

    Args:
        path: The file.
        registry: The registry with the recipes.

    Raises:
        OptionError: The file cannot be read, or it contains something unknown or not allowed; the message names the file.
    """
    if path.resolve() in _readers:
        raise OptionError(f'"{path}" extends itself. Change extends = of one of the files.')
    data = _read_toml(path)
    extends = data.pop("extends", None)
    try:
        if extends is None:
            start, overrides = _start_recipe(path, data), data
        elif isinstance(extends, str) and extends.endswith(".toml"):
            start, overrides = read_recipe(path.parent / extends, registry, (*_readers, path.resolve())), data
        else:
            start, overrides = registry.recipe(str(extends)), data
        return start.with_overrides(**_to_overrides(overrides, start))
    except I2IKitError as error:
        raise OptionError(f'"{path}": {error}') from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f'"{path}" cannot be read: {getattr(error, "strerror", None) or error}. Check the path of the recipe.') from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f'"{path}" is not a TOML file: {error}.') from error


def _start_recipe(path: Path, data: Mapping[str, Any]) -> Recipe:
    """Return the recipe without slots and players to which a whole recipe is added."""
    for key in ("plan", "slots", "players"):
        if key not in data:
            raise OptionError(f'the recipe has no "{key}". Add it, or name the recipe that this file changes: extends = "stargan".')
    return Recipe(path.stem, {}, str(data["plan"]), ())


def _to_overrides(data: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return the overrides that the data of a file stand for."""
    overrides = {name: _to_tuples(value) for name, value in data.items()}
    for table in TABLES:
        if isinstance(overrides.get(table), Mapping):
            overrides[table] = {name: None if value == NONE else value for name, value in overrides[table].items()}
    for name in recipe.slots:
        if overrides.get(name) == NONE:
            overrides[name] = None
    for name in ("labels", "domains"):
        if name in overrides:
            overrides[name] = _to_labels(overrides[name])
    return overrides


def _to_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _to_tuples(each) for name, each in value.items()}
    return tuple(_to_tuples(each) for each in value) if isinstance(value, list) else value


def _to_labels(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _to_labels(each) for name, each in value.items()}
    if isinstance(value, tuple) and any(isinstance(each, Mapping) for each in value):
        return tuple(_to_labels(each) for each in value)
    return bool if value == BINARY else value
