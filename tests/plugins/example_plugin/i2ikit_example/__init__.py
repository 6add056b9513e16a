"""A plugin as a stranger writes it: hooks only, imports no torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the parts of the plugin."""
    return [
        Component("example_tint_conditioner", "conditioner", "i2ikit_example.conditioner:Tint", "Passes the code on as it is."),
        Component(
            "example_brightness_loss", "loss", "i2ikit_example.losses:brightness_loss", "The translation is as bright as its source."
        ),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return StarGAN with the plugin's loss added."""
    return {"example": "i2ikit_example.recipe:EXAMPLE"}
