"""Finds what plugins offer. Looking up names imports no torch; a component is imported when it is first resolved."""

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
from i2ikit.core.plugins import Offer, ask
from i2ikit.errors import AmbiguousNameError, I2IKitError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

BY_HAND = "registered by hand"


class PluginWarning(UserWarning):
    """A plugin is installed but cannot be used."""


@frozen
class PluginFailure:
    """A plugin that could not be used, and why."""

    plugin: str
    distribution: str
    reason: str

    def __str__(self) -> str:
        return f'Plugin "{self.plugin}" ({self.distribution}) failed: {self.reason}'


class Registry:
    """The components and recipes of a set of plugins.

    Args:
        discover: Look for installed plugins (entry points of the group ``i2ikit``) at the first question. Without it the registry
            knows only what is registered by hand, as tests want it.
    """

    def __init__(self, *, discover: bool = True) -> None:
        self._discover = discover
        self._by_hand: list[Offer] = []
        self._found: list[Offer] | None = None if discover else []
        self._failures: list[PluginFailure] = []
        self._manager = _manager()

    def __repr__(self) -> str:
        state = "not looked yet" if self._found is None else f"{len(self._found) + len(self._by_hand)} plugins"
        return f"Registry(discover={self._discover}) [{state}]"

    def register(self, plugin: object, name: str | None = None) -> None:
        """Add a plugin by hand: a module, or any object whose functions are marked with ``hookimpl``.

        Args:
            plugin: The plugin.
            name: What it is called in ``"name:component"``; a module's own name by default.

        Raises:
            PluginError: It breaks the rules of registration, or a plugin of that name is there already.
        """
        called = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        if any(offer.plugin == called for offer in self.plugins()):
            raise PluginError(f'A plugin "{called}" is registered already. Give this one another name: register(plugin, name="...").')
        self._by_hand.append(ask(self._manager, plugin, called, BY_HAND))

    def refresh(self) -> None:
        """Look for installed plugins again at the next question. What was registered by hand stays."""
        if self._discover:
            for offer in self._found or ():
                self._manager.unregister(name=offer.plugin)
            self._found, self._failures = None, []
            importlib.invalidate_caches()

    def plugins(self) -> tuple[Offer, ...]:
        """Return the usable plugins: the library's own, then installed ones by distribution and name, then those added by hand."""
        if self._found is None:
            self._found = []  # so that a plugin which asks the registry while it is imported does not start over
            for point in _in_order(metadata.entry_points(group=hookspecs.PROJECT)):
                self._load(point)
        return (*self._found, *self._by_hand)

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """The installed plugins that could not be used."""
        self.plugins()
        return tuple(self._failures)

    def components(self, role: str | None = None, filter: str | None = None) -> tuple[Component, ...]:  # noqa: A002  the field's name for it
        """Return the components of a role, or all, whose names match a pattern such as ``"stargan_*"``."""
        every = (component for offer in self.plugins() for component in offer.components)
        return tuple(each for each in every if role in {None, each.role} and fnmatch.fnmatchcase(each.name, filter or "*"))

    def recipes(self, filter: str | None = None) -> tuple[str, ...]:  # noqa: A002  the field's name for it
        """Return the names of the recipes that match a pattern, in the plugins' order."""
        names = (name for offer in self.plugins() for name in offer.recipes)
        return tuple(name for name in dict.fromkeys(names) if fnmatch.fnmatchcase(name, filter or "*"))

    def component(self, name: str, role: str | None = None) -> Component:
        """Return the declaration of a component.

        Args:
            name: Its name, or ``"plugin:name"`` where two plugins offer the same.
            role: The role that is asked for.

        Raises:
            UnknownNameError: No component of that role has the name.
            AmbiguousNameError: Two plugins offer the name.
        """
        plugin, _, short = name.rpartition(":")
        held = [(offer, each) for offer in self._offers(plugin) for each in offer.components if each.name == short]
        fitting = [(offer, each) for offer, each in held if role in {None, each.role}]
        if len(fitting) == 1:
            return fitting[0][1]
        if fitting:
            raise _ambiguous("component", name, [offer for offer, _ in fitting])
        note = f'"{name}" is a {held[0][1].role}.' if held else self._note()
        raise UnknownNameError(role or "component", name, [each.name for each in self.components(role)], note=note)

    def resolve(self, name: str, role: str | None = None) -> Callable[..., Any]:
        """Import a component and return its factory, whose options all have names.

        Raises:
            UnknownNameError, AmbiguousNameError: As :meth:`component`.
            PluginError: The factory cannot be imported or takes options without names.
        """
        declared = self.component(name, role)
        factory = _imported(declared.factory, f'Component "{declared.name}"')
        if not callable(factory):
            raise PluginError(
                f'Component "{declared.name}" is at "{declared.factory}", a {type(factory).__name__}; it must be a class or a function.'
            )
        get_factory_options(factory)
        return factory  # type: ignore[no-any-return]

    def recipe(self, name: str) -> Recipe:
        """Import a recipe and return it.

        Args:
            name: Its name, or ``"plugin:name"`` where two plugins offer the same.

        Raises:
            UnknownNameError: There is no such recipe.
            AmbiguousNameError: Two plugins offer the name.
            PluginError: What the plugin names is no Recipe.
        """
        from i2ikit.core.recipe import Recipe

        plugin, _, short = name.rpartition(":")
        holders = [offer for offer in self._offers(plugin) if short in offer.recipes]
        if len(holders) > 1:
            raise _ambiguous("recipe", name, holders)
        if not holders:
            raise UnknownNameError("recipe", name, self.recipes(), note=self._note())
        offered = holders[0].recipes[short]
        recipe = _imported(offered, f'Recipe "{short}"') if isinstance(offered, str) else offered
        if not isinstance(recipe, Recipe):
            raise PluginError(f'Recipe "{short}" of plugin "{holders[0].plugin}" is a {type(recipe).__name__}; it must be a Recipe.')
        return recipe

    def importers(self) -> tuple[str, ...]:
        """Return the systems whose original weights can be read, in the plugins' order."""
        return tuple(dict.fromkeys(name for offer in self.plugins() for name in offer.importers))

    def importer(self, name: str) -> Callable[..., Any]:
        """Import what reads the original weights of a system and return it.

        Args:
            name: The system, or ``"plugin:name"`` where two plugins offer the same.

        Raises:
            UnknownNameError: No plugin reads them.
            AmbiguousNameError: Two plugins do.
            PluginError: It cannot be imported, or is no function with named options.
        """
        plugin, _, short = name.rpartition(":")
        holders = [offer for offer in self._offers(plugin) if short in offer.importers]
        if len(holders) > 1:
            raise _ambiguous("importer", name, holders)
        if not holders:
            raise UnknownNameError("importer", name, self.importers(), note=self._note())
        importer = _imported(holders[0].importers[short], f'Importer "{short}"')
        if not callable(importer):
            raise PluginError(f'Importer "{short}" of plugin "{holders[0].plugin}" is a {type(importer).__name__}; it must be a function.')
        get_factory_options(importer)
        return importer  # type: ignore[no-any-return]

    def origin(self, name: str) -> Offer:
        """Return the plugin that a component or a recipe comes from; of several, the first."""
        plugin, _, short = name.rpartition(":")
        for offer in self._offers(plugin):
            if short in offer.recipes or any(each.name == short for each in offer.components):
                return offer
        names = [*(each.name for each in self.components()), *self.recipes()]
        raise UnknownNameError("component or recipe", name, names, note=self._note())

    def _offers(self, plugin: str) -> Iterable[Offer]:
        return [offer for offer in self.plugins() if plugin in {"", offer.plugin}]

    def _note(self) -> str:
        return " ".join(f"{failure}." for failure in self.failures)

    def _load(self, point: metadata.EntryPoint) -> None:
        distribution = _distribution(point)
        try:
            offer = ask(self._manager, point.load(), point.module, distribution)
        except Exception as error:  # noqa: BLE001  whatever a plugin does wrong while it loads must not take the others down
            reason = str(error) if isinstance(error, I2IKitError) else f"{type(error).__name__}: {error}"
            failure = PluginFailure(point.module, distribution, reason.rstrip("."))
            self._failures.append(failure)
            warnings.warn(f"{failure}. It is left out; `i2ikit doctor` lists the plugins.", PluginWarning, stacklevel=4)
        else:
            if self._found is not None:
                self._found.append(offer)


@cache
def default_registry() -> Registry:
    """Return the registry of the installed plugins, one a process."""
    return Registry()


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _in_order(points: Iterable[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    def key(point: metadata.EntryPoint) -> tuple[bool, str, str, str]:
        name = point.dist.name if point.dist else ""
        return (name != hookspecs.PROJECT, name, point.name, point.value)

    return sorted(points, key=key)


def _distribution(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "of no distribution"


def _imported(place: str, what: str) -> Any:
    module, _, attribute = place.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except I2IKitError:
        raise
    except AttributeError as error:
        raise PluginError(f'{what} is at "{place}", but module "{module}" has no "{attribute}": {error}.') from error
    except ImportError as error:
        raise PluginError(f'{what} is at "{place}", which cannot be imported: {type(error).__name__}: {error}.') from error


def _ambiguous(kind: str, name: str, offers: list[Offer]) -> AmbiguousNameError:
    short = name.rpartition(":")[2]
    holders = " and ".join(f"{offer.plugin} ({offer.distribution})" for offer in offers)
    choices = " or ".join(f'"{offer.plugin}:{short}"' for offer in offers)
    return AmbiguousNameError(f'Several plugins offer a {kind} "{short}": {holders}. Write {choices}.')
