"""A plugin with its components, recipes and importers, which are read through its hooks and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from i2ikit.core.component import Component
from i2ikit.errors import PluginError, suggest

if TYPE_CHECKING:
    import pluggy

HOOKS = ("i2ikit_components", "i2ikit_recipes", "i2ikit_importers")


@frozen
class Plugin:
    """A plugin that can be used.

    Attributes:
        name: Its import name, the first part of ``"plugin:component"``.
        distribution: The installed distribution and its version.
        components: The declarations of its components, in its own order.
        recipes: Each recipe by name, as ``"module:ATTRIBUTE"`` or as a Recipe.
        importers: Each importer by its system, as ``"module:function"``.
    """

    name: str
    distribution: str
    components: tuple[Component, ...]
    recipes: Mapping[str, Any]
    importers: Mapping[str, str]


def call_hooks(manager: pluggy.PluginManager, plugin: object, name: str, distribution: str) -> Plugin:
    """Register a plugin with pluggy's manager, call its hooks and check their results.

    Args:
        manager: The plugin manager.
        plugin: A module, or an object whose functions are marked with ``hookimpl``.
        name: The name of the plugin.
        distribution: The distribution that it belongs to.

    Raises:
        PluginError: A hook has an unknown name or a wrong signature, or it returns a wrong type.
    """
    try:
        registered = manager.register(plugin, name)
    except Exception as error:
        raise PluginError(f'Plugin "{name}" cannot be registered: {" ".join(str(error).split())}.') from error
    try:
        return _call_hooks(manager, plugin, str(registered), distribution)
    except BaseException:
        manager.unregister(plugin)
        raise


def _call_hooks(manager: pluggy.PluginManager, plugin: object, name: str, distribution: str) -> Plugin:
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    for hook in callers:
        if hook not in HOOKS:
            raise PluginError(f'Plugin "{name}" implements "{hook}", which is not a hook. {suggest(hook, HOOKS)}')
    if not callers:
        raise PluginError(f'Plugin "{name}" implements no hook. Mark a function with @hookimpl. Available: {", ".join(HOOKS)}.')

    def call(hook: str) -> Any:
        functions = [impl.function for impl in callers[hook].get_hookimpls() if impl.plugin is plugin] if hook in callers else []
        return functions[0]() if functions else None

    components, recipes, importers = (call(hook) for hook in HOOKS)
    return Plugin(name, distribution, _check_components(name, components), _check_recipes(name, recipes), _check_importers(name, importers))


def _check_components(plugin: str, found: object) -> tuple[Component, ...]:
    if found is None:
        return ()
    if not isinstance(found, list | tuple):
        raise PluginError(f'Plugin "{plugin}": i2ikit_components returns a {type(found).__name__}. Return a list of Component.')
    seen: set[str] = set()
    for each in found:
        if not isinstance(each, Component):
            raise PluginError(f'Plugin "{plugin}": i2ikit_components returns a list with {each!r}. Return a list of Component.')
        if each.name in seen:
            raise PluginError(f'Plugin "{plugin}" declares two components called "{each.name}". Give each component a different name.')
        seen.add(each.name)
    return tuple(found)


def _check_recipes(plugin: str, found: object) -> dict[str, Any]:
    from i2ikit.core.recipe import Recipe

    if found is None:
        return {}
    if not isinstance(found, dict):
        raise PluginError(f'Plugin "{plugin}": i2ikit_recipes returns a {type(found).__name__}. Return a dict: name, "module:ATTRIBUTE".')
    for name, recipe in found.items():
        if not isinstance(name, str) or not name or ":" in name:
            raise PluginError(f'Plugin "{plugin}": i2ikit_recipes returns a recipe with the name {name!r}. Use a name without a colon.')
        if not isinstance(recipe, Recipe) and not (isinstance(recipe, str) and all(recipe.partition(":"))):
            raise PluginError(f'Plugin "{plugin}": recipe "{name}" is {recipe!r}. Return "module:ATTRIBUTE" or a Recipe.')
    return dict(found)


def _check_importers(plugin: str, found: object) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise PluginError(
            f'Plugin "{plugin}": i2ikit_importers returns a {type(found).__name__}. Return a dict: system, "module:function".'
        )
    for name, place in found.items():
        if not isinstance(name, str) or not name or ":" in name:
            raise PluginError(f'Plugin "{plugin}": i2ikit_importers returns a system with the name {name!r}. Use a name without a colon.')
        if not isinstance(place, str) or not all(place.partition(":")):
            raise PluginError(f'Plugin "{plugin}": importer "{name}" is {place!r}. Return "module:function".')
    return dict(found)
