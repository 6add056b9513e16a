"""pix2pix: paired translation with a conditional critic (Isola et al., 2017). Hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts."""
    return []


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipes."""
    return {}
