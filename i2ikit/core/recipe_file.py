"""Recipes in TOML files: overrides of a registered recipe, or a whole recipe. This module does not import torch."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2ikit.core.recipe import Recipe
from i2ikit.core.stages import SHARED
from i2ikit.errors import I2IKitError, OptionError
from i2ikit.regular_files import read_regular_text

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry

NONE = "none"  # TOML has no word for None
BINARY = "bool"  # the declaration of a binary attribute
TABLES = ("slots", "terms", "players", "stages")  # whose entries "none" removes


def read_recipe(path: Path, registry: Registry, _readers: tuple[Path, ...] = ()) -> Recipe:
    """Read a recipe from a file.

    The keys are those of :meth:`Recipe.with_overrides`; ``extends`` names the recipe to which they apply, or another file, relative to this
    one. Without it, the file is a whole recipe. The table of a stage is read in the same way, and has the size and labels of the file
    unless it has its own. As TOML has no ``None``, the text ``"none"``
    removes a slot, a term, a player or a stage.

    Args:
        path: The file.
        registry: The registry with the recipes.

    Raises:
        OptionError: The file cannot be read, or it contains something unknown or not allowed; the message names the file.
    """
    if path.resolve() in _readers:
        raise OptionError(f'"{path}" extends itself. Change extends = of one of the files.')
    data = _read_toml(path)
    try:
        return _make_recipe(data, path, path.stem, registry, (*_readers, path.resolve()))
    except I2IKitError as error:
        raise OptionError(f'"{path}": {error}') from error


def list_own_settings(recipe: str | Path | None) -> frozenset[str]:
    """Return the names of the settings that a recipe file sets, itself or by the file that it extends; none if it is not a file."""
    if recipe is None or not str(recipe).endswith(".toml"):
        return frozenset()
    data = _read_toml(path := Path(recipe))
    return frozenset(data) | list_own_settings(path.parent / str(data.get("extends")))


def _make_recipe(data: Mapping[str, Any], path: Path, name: str, registry: Registry, readers: tuple[Path, ...]) -> Recipe:
    """Return the recipe that the data of a file, or of a stage in it, stand for."""
    overrides = dict(data)
    extends = overrides.pop("extends", None)
    start = _start_recipe(name, data) if extends is None else _find_recipe(str(extends), path, registry, readers)
    if isinstance(stages := overrides.get("stages"), Mapping):
        shared = {key: value for key, value in data.items() if key in SHARED}
        overrides["stages"] = {each: _make_stage(each, value, start, shared, path, registry, readers) for each, value in stages.items()}
    return start.with_overrides(**_to_overrides(overrides, start))


def _make_stage(
    name: str, value: Any, start: Recipe, shared: Mapping[str, Any], path: Path, registry: Registry, readers: tuple[Path, ...]
) -> Any:
    """Return a stage as :meth:`Recipe.with_overrides` takes it: a new one as a recipe, with the size and labels of the file."""
    if name in start.stages and isinstance(value, Mapping) and "extends" not in value:
        return _to_overrides(value, start.stages[name])
    if value == NONE or not isinstance(value, (str, Mapping)):
        return value
    table = {"extends": value} if isinstance(value, str) else value
    try:
        return _make_recipe({**shared, **table}, path, name, registry, readers)
    except I2IKitError as error:
        raise OptionError(f'stage "{name}": {error}') from error


def _find_recipe(name: str, path: Path, registry: Registry, readers: tuple[Path, ...]) -> Recipe:
    """Return a registered recipe, or that of another file, relative to this one."""
    return read_recipe(path.parent / name, registry, readers) if name.endswith(".toml") else registry.recipe(name)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_regular_text(path, "utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f'"{path}" cannot be read: {getattr(error, "strerror", None) or error}. Check the path of the recipe.') from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f'"{path}" is not a TOML file: {error}.') from error


def _start_recipe(name: str, data: Mapping[str, Any]) -> Recipe:
    """Return the recipe without slots and players to which a whole recipe is added."""
    for key in ("plan", "slots", "players"):
        if key not in data:
            raise OptionError(f'the recipe has no "{key}". Add it, or name the recipe that this file changes: extends = "stargan".')
    return Recipe(name, {}, str(data["plan"]), ())


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
