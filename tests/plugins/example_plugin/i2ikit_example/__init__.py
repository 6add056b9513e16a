"""A plugin of a third party: only hooks, without an import of torch."""

from __future__ import annotations

from i2ikit import Component, hookimpl


@hookimpl
def i2ikit_components() -> list[Component]:
    """Return the components of the plugin."""
    return [
        Component("example_tint_conditioner", "conditioner", "i2ikit_example.conditioner:Tint", "Returns the code unchanged."),
        Component(
            "example_brightness_loss",
            "loss",
            "i2ikit_example.losses:brightness_loss",
            "Difference in brightness between translation and source.",
        ),
        Component("example_fill_holes", "plan", "i2ikit_example.holes:fill_holes", "Cuts a hole into each image, which is its own target."),
    ]


@hookimpl
def i2ikit_recipes() -> dict[str, str]:
    """Return the recipes of the plugin: StarGAN with an additional loss, and inpainting."""
    return {"example": "i2ikit_example.recipe:EXAMPLE", "example-inpainting": "i2ikit_example.recipe:INPAINTING"}
