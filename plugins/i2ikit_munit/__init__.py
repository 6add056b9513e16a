"""MUNIT: content and style, many outputs of one input, learnt without pairs (Huang et al., 2018). Hooks only, imports no torch."""

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
