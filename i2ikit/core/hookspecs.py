"""What a plugin can offer. A plugin implements any of these functions, marked with :data:`hookimpl`. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from i2ikit.core.component import Component
    from i2ikit.core.recipe import Recipe

PROJECT = "i2ikit"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def i2ikit_components() -> list[Component]:
    """Return the components that the plugin offers; nothing is imported for it."""
    raise NotImplementedError


@hookspec
def i2ikit_recipes() -> dict[str, str | Recipe]:
    """Return the recipes that the plugin offers by name, each as ``"module:ATTRIBUTE"`` or as a Recipe."""
    raise NotImplementedError


@hookspec
def i2ikit_importers() -> dict[str, str]:
    """Return by system ``"module:function"``, which makes a model of an original implementation's weights."""
    raise NotImplementedError
