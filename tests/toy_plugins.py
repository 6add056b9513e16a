"""Functions that make plugins, components and registries for tests."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from i2ikit import Component, Registry, hookimpl


def make_component(name: str, role: Any = "loss", factory: str = "toy_module:toy_loss") -> Component:
    return Component(name, role, factory, "A toy.")


def make_plugin(components: Any = None, recipes: Any = None, **more: Any) -> ModuleType:
    module = ModuleType("toy_plugin")
    if components is not None:

        @hookimpl
        def i2ikit_components() -> Any:
            return components

        module.i2ikit_components = i2ikit_components
    if recipes is not None:

        @hookimpl
        def i2ikit_recipes() -> Any:
            return recipes

        module.i2ikit_recipes = i2ikit_recipes
    for name, value in more.items():
        setattr(module, name, value)
    return module


def make_registry(**plugins: ModuleType) -> Registry:
    registry = Registry(discover=False)
    for name, module in plugins.items():
        registry.register(module, name)
    return registry
