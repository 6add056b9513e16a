"""The hooks of plugins: a plugin implements any of these functions and marks them with :data:`hookimpl`. Imports no torch."""

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
    """Return the declarations of the plugin's components; the components themselves are not imported."""
    raise NotImplementedError


@hookspec
def i2ikit_recipes() -> dict[str, str | Recipe]:
    """Return the plugin's recipes by name, each as ``"module:ATTRIBUTE"`` or as a Recipe."""
    raise NotImplementedError


@hookspec
def i2ikit_importers() -> dict[str, str]:
    """Return the plugin's importers by system, as ``"module:function"``; each makes a model from weights of an original implementation."""
    raise NotImplementedError
