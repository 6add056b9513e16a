"""Finds components, recipes and importers of plugins by name. Looking up a name does not import torch; resolving a component imports it."""

from __future__ import annotations

import fnmatch
import importlib
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pluggy
from attrs import frozen

from i2ikit.core import hookspecs
from i2ikit.core.component import Component, get_factory_options
from i2ikit.core.plugins import Plugin, call_hooks
from i2ikit.errors import AmbiguousNameError, I2IKitError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

NO_DISTRIBUTION = "registered by hand"  # stands for the distribution of plugins that were added with register()


class PluginWarning(UserWarning):
    """A plugin is installed but cannot be used."""


@frozen
class PluginFailure:
    """An installed plugin that cannot be used.

    Attributes:
        plugin: Its import name.
        distribution: Its distribution and version.
        reason: The error message.
    """

    plugin: str
    distribution: str
    reason: str

    def __str__(self) -> str:
        return f'Plugin "{self.plugin}" ({self.distribution}) failed: {self.reason}'


class Registry:
    """The components, recipes and importers of a set of plugins.

    Args:
        discover: Whether to look for installed plugins (entry points of the group ``i2ikit``) on the first look-up. With False, the
            registry contains only plugins that are added with :meth:`register`; tests use this.
    """

    def __init__(self, *, discover: bool = True) -> None:
        self._discover = discover
        self._registered: list[Plugin] = []
        self._installed: list[Plugin] | None = None if discover else []
        self._failures: list[PluginFailure] = []
        self._manager = _make_manager()

    def __repr__(self) -> str:
        state = "plugins not loaded yet" if self._installed is None else f"{len(self._installed) + len(self._registered)} plugins"
        return f"Registry(discover={self._discover}) [{state}]"

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin that is not installed: a module, or an object whose functions are marked with ``hookimpl``.

        Args:
            plugin: The plugin.
            name: Its name in ``"name:component"`` (default: the name of the module).

        Raises:
            PluginError: The plugin breaks the rules of registration, or a plugin with that name exists already.
        """
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        if any(each.name == name for each in self.plugins()):
            raise PluginError(f'A plugin "{name}" is registered already. Give this one another name: register(plugin, name="NAME").')
        self._registered.append(call_hooks(self._manager, plugin, name, NO_DISTRIBUTION))

    def refresh(self) -> None:
        """Look for installed plugins again on the next look-up. Plugins added with :meth:`register` stay."""
        if self._discover:
            for plugin in self._installed or ():
                self._manager.unregister(name=plugin.name)
            self._installed, self._failures = None, []
            importlib.invalidate_caches()

    def plugins(self) -> tuple[Plugin, ...]:
        """Return the usable plugins: first the library's own, then installed plugins by distribution and name, then registered ones."""
        if self._installed is None:
            self._installed = []  # set first: a plugin may use the registry while it is imported
            for point in _sort_entry_points(metadata.entry_points(group=hookspecs.PROJECT)):
                self._load_plugin(point)
        return (*self._installed, *self._registered)

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """The installed plugins that cannot be used."""
        self.plugins()
        return tuple(self._failures)

    def components(self, role: str | None = None, filter: str | None = None) -> tuple[Component, ...]:  # noqa: A002  as in other libraries
        """Return the components of a role (default: all roles) whose names match a pattern such as ``"stargan_*"`` (default: all)."""
        every = (component for plugin in self.plugins() for component in plugin.components)
        return tuple(each for each in every if role in {None, each.role} and fnmatch.fnmatchcase(each.name, filter or "*"))

    def recipes(self, filter: str | None = None) -> tuple[str, ...]:  # noqa: A002  as in other libraries
        """Return the names of the recipes that match a pattern (default: all), in the order of the plugins."""
        names = (name for plugin in self.plugins() for name in plugin.recipes)
        return tuple(name for name in dict.fromkeys(names) if fnmatch.fnmatchcase(name, filter or "*"))

    def component(self, name: str, role: str | None = None) -> Component:
        """Return the declaration of a component.

        Args:
            name: Its name, or ``"plugin:name"`` if two plugins declare the same name.
            role: The required role (default: any).

        Raises:
            UnknownNameError: No component of that role has the name.
            AmbiguousNameError: Two plugins declare the name.
        """
        plugin_name, _, short = name.rpartition(":")
        same_name = [(plugin, each) for plugin in self._select_plugins(plugin_name) for each in plugin.components if each.name == short]
        same_role = [(plugin, each) for plugin, each in same_name if role in {None, each.role}]
        if len(same_role) == 1:
            return same_role[0][1]
        if same_role:
            raise _make_ambiguity_error("component", name, [plugin for plugin, _ in same_role])
        note = f'"{name}" has the role {same_name[0][1].role}.' if same_name else self._describe_failures()
        raise UnknownNameError(role or "component", name, [each.name for each in self.components(role)], note=note)

    def resolve(self, name: str, role: str | None = None) -> Callable[..., Any]:
        """Import a component and return its factory.

        Raises:
            UnknownNameError, AmbiguousNameError: As in :meth:`component`.
            PluginError: The factory cannot be imported, or it has options that cannot be passed by name.
        """
        declared = self.component(name, role)
        factory = _import_object(declared.factory, f'Component "{declared.name}"')
        if not callable(factory):
            raise PluginError(
                f'The factory "{declared.factory}" of component "{declared.name}" is a {type(factory).__name__}; '
                f"it must be a class or a function."
            )
        get_factory_options(factory)
        return factory  # type: ignore[no-any-return]

    def recipe(self, name: str) -> Recipe:
        """Import a recipe and return it.

        Args:
            name: Its name, or ``"plugin:name"`` if two plugins declare the same name.

        Raises:
            UnknownNameError: There is no such recipe.
            AmbiguousNameError: Two plugins declare the name.
            PluginError: The object is not a Recipe.
        """
        from i2ikit.core.recipe import Recipe

        plugin_name, _, short = name.rpartition(":")
        plugins = [plugin for plugin in self._select_plugins(plugin_name) if short in plugin.recipes]
        if len(plugins) > 1:
            raise _make_ambiguity_error("recipe", name, plugins)
        if not plugins:
            raise UnknownNameError("recipe", name, self.recipes(), note=self._describe_failures())
        declared = plugins[0].recipes[short]
        recipe = _import_object(declared, f'Recipe "{short}"') if isinstance(declared, str) else declared
        if not isinstance(recipe, Recipe):
            raise PluginError(f'Recipe "{short}" of plugin "{plugins[0].name}" is a {type(recipe).__name__}; it must be a Recipe.')
        return recipe

    def importers(self) -> tuple[str, ...]:
        """Return the systems whose original weights can be imported, in the order of the plugins."""
        return tuple(dict.fromkeys(name for plugin in self.plugins() for name in plugin.importers))

    def importer(self, name: str) -> Callable[..., Any]:
        """Import the function that reads the original weights of a system, and return it.

        Args:
            name: The system, or ``"plugin:name"`` if two plugins declare the same name.

        Raises:
            UnknownNameError: No plugin has an importer for the system.
            AmbiguousNameError: Two plugins have one.
            PluginError: The importer cannot be imported, or it is not a function with named options.
        """
        plugin_name, _, short = name.rpartition(":")
        plugins = [plugin for plugin in self._select_plugins(plugin_name) if short in plugin.importers]
        if len(plugins) > 1:
            raise _make_ambiguity_error("importer", name, plugins)
        if not plugins:
            raise UnknownNameError("importer", name, self.importers(), note=self._describe_failures())
        importer = _import_object(plugins[0].importers[short], f'Importer "{short}"')
        if not callable(importer):
            raise PluginError(f'Importer "{short}" of plugin "{plugins[0].name}" is a {type(importer).__name__}; it must be a function.')
        get_factory_options(importer)
        return importer  # type: ignore[no-any-return]

    def origin(self, name: str) -> Plugin:
        """Return the plugin that declares a component or a recipe; if there are several, the first."""
        plugin_name, _, short = name.rpartition(":")
        for plugin in self._select_plugins(plugin_name):
            if short in plugin.recipes or any(each.name == short for each in plugin.components):
                return plugin
        names = [*(each.name for each in self.components()), *self.recipes()]
        raise UnknownNameError("component or recipe", name, names, note=self._describe_failures())

    def _select_plugins(self, name: str) -> list[Plugin]:
        """Return the plugins with that name; all if it is empty."""
        return [plugin for plugin in self.plugins() if name in {"", plugin.name}]

    def _describe_failures(self) -> str:
        return " ".join(f"{failure}." for failure in self.failures)

    def _load_plugin(self, point: metadata.EntryPoint) -> None:
        distribution = _describe_distribution(point)
        try:
            plugin = call_hooks(self._manager, point.load(), point.module, distribution)
        except Exception as error:  # noqa: BLE001  a plugin that fails in any way must not affect the other plugins
            reason = str(error) if isinstance(error, I2IKitError) else f"{type(error).__name__}: {error}"
            failure = PluginFailure(point.module, distribution, reason.rstrip("."))
            self._failures.append(failure)
            warnings.warn(f"{failure}. It is not available. To list all plugins, run: i2ikit doctor", PluginWarning, stacklevel=4)
        else:
            if self._installed is not None:
                self._installed.append(plugin)


@cache
def default_registry() -> Registry:
    """Return the registry of the installed plugins. There is one for each process."""
    return Registry()


def _make_manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _sort_entry_points(points: Iterable[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    """Return entry points in a fixed order: the library's own first, then by distribution and name."""

    def key(point: metadata.EntryPoint) -> tuple[bool, str, str, str]:
        name = point.dist.name if point.dist else ""
        return (name != hookspecs.PROJECT, name, point.name, point.value)

    return sorted(points, key=key)


def _describe_distribution(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown distribution"


def _import_object(place: str, what: str) -> Any:
    """Import ``"module:attribute"``; ``what`` names the object in error messages."""
    module, _, attribute = place.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except I2IKitError:
        raise
    except AttributeError as error:
        raise PluginError(f'{what} is declared as "{place}", but module "{module}" has no "{attribute}": {error}.') from error
    except ImportError as error:
        raise PluginError(f'{what} is declared as "{place}", which cannot be imported: {type(error).__name__}: {error}.') from error


def _make_ambiguity_error(kind: str, name: str, plugins: list[Plugin]) -> AmbiguousNameError:
    short = name.rpartition(":")[2]
    found = " and ".join(f"{plugin.name} ({plugin.distribution})" for plugin in plugins)
    choices = " or ".join(f'"{plugin.name}:{short}"' for plugin in plugins)
    return AmbiguousNameError(f'Several plugins declare a {kind} "{short}": {found}. Write {choices}.')
