"""What one plugin offers, read through its hooks and checked."""

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
class Offer:
    """A usable plugin.

    Attributes:
        plugin: Its import name, the first half of ``"plugin:component"``.
        distribution: The installed distribution and its version.
        components: In the plugin's order.
        recipes: ``"module:ATTRIBUTE"`` or a Recipe by name.
        importers: ``"module:function"`` by the system whose original weights it reads.
    """

    plugin: str
    distribution: str
    components: tuple[Component, ...]
    recipes: Mapping[str, Any]
    importers: Mapping[str, str]


def ask(manager: pluggy.PluginManager, plugin: object, name: str, distribution: str) -> Offer:
    """Register a plugin with pluggy's manager and return what it offers.

    Raises:
        PluginError: A hook has another signature or another name than the documented ones, or gives something else than it should.
    """
    try:
        registered = manager.register(plugin, name)
    except Exception as error:
        raise PluginError(f'Plugin "{name}" cannot be registered: {" ".join(str(error).split())}.') from error
    try:
        return _read(manager, plugin, str(registered), distribution)
    except BaseException:
        manager.unregister(plugin)
        raise


def _read(manager: pluggy.PluginManager, plugin: object, name: str, distribution: str) -> Offer:
    callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
    for hook in callers:
        if hook not in HOOKS:
            raise PluginError(f'Plugin "{name}" implements "{hook}", which is no hook. {suggest(hook, HOOKS)}')
    if not callers:
        raise PluginError(f'Plugin "{name}" has no hook. Mark its {" or ".join(HOOKS)} with @hookimpl.')

    def result(hook: str) -> Any:
        held = [impl.function for impl in callers[hook].get_hookimpls() if impl.plugin is plugin] if hook in callers else []
        return held[0]() if held else None

    components, recipes, importers = (result(hook) for hook in HOOKS)
    return Offer(name, distribution, _components(name, components), _recipes(name, recipes), _importers(name, importers))


def _components(plugin: str, found: object) -> tuple[Component, ...]:
    if found is None:
        return ()
    if not isinstance(found, list | tuple):
        raise PluginError(f'Plugin "{plugin}": i2ikit_components gave a {type(found).__name__}. Return a list of Component.')
    seen: set[str] = set()
    for each in found:
        if not isinstance(each, Component):
            raise PluginError(f'Plugin "{plugin}": i2ikit_components gave a list that holds {each!r}. Return a list of Component.')
        if each.name in seen:
            raise PluginError(f'Plugin "{plugin}" offers two components called "{each.name}". Give each a name of its own.')
        seen.add(each.name)
    return tuple(found)


def _recipes(plugin: str, found: object) -> dict[str, Any]:
    from i2ikit.core.recipe import Recipe

    if found is None:
        return {}
    if not isinstance(found, dict):
        raise PluginError(f'Plugin "{plugin}": i2ikit_recipes gave a {type(found).__name__}. Return a dict of name and "module:ATTRIBUTE".')
    for name, recipe in found.items():
        if not isinstance(name, str) or not name or ":" in name:
            raise PluginError(f'Plugin "{plugin}": i2ikit_recipes names a recipe {name!r}. Use a word without a colon.')
        if not isinstance(recipe, Recipe) and not (isinstance(recipe, str) and all(recipe.partition(":"))):
            raise PluginError(f'Plugin "{plugin}": recipe "{name}" is {recipe!r}. Give "module:ATTRIBUTE" or a Recipe.')
    return dict(found)


def _importers(plugin: str, found: object) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise PluginError(f'Plugin "{plugin}": i2ikit_importers gave a {type(found).__name__}. Return a dict: system, "module:function".')
    for name, place in found.items():
        if not isinstance(name, str) or not name or ":" in name:
            raise PluginError(f'Plugin "{plugin}": i2ikit_importers names a system {name!r}. Use a word without a colon.')
        if not isinstance(place, str) or not all(place.partition(":")):
            raise PluginError(f'Plugin "{plugin}": importer "{name}" is {place!r}. Give "module:function".')
    return dict(found)
