"""Four bundled systems in a small form, for the tests of the core. Their by-hand steps are in tests/recipes."""

from __future__ import annotations

from typing import Any

import torch
from attrs import evolve

from i2ikit import Recipe, default_registry
from i2ikit.core.overrides import apply_overrides

LABELS = {"hair": {"hair": ("black", "blond", "brown")}, "mood": {"glad": bool}}
ROWS = [{"hair": "black"}, {"hair": "brown"}, {"hair": "blond", "glad": 1}, {"hair": "brown", "glad": 0}, {"glad": 1}, {"glad": 0}]
PERM = torch.tensor([1, 0, 3, 2, 5, 4])
_PATCHES = {"width": 4, "depth": 1}
# A bias before an instance norm has gradient zero; the usual epsilon of 1e-8 would amplify its rounding noise.
_EPS = {name: {"optimizer": {"eps": 1e-5}} for name in ("translator", "discriminator")}


def _shrink(name: str, overrides: dict[str, Any]) -> Recipe:
    """Return a bundled recipe with small networks and a constant learning rate."""
    recipe = apply_overrides(default_registry().recipe(name), {"schedule": "constant", **overrides})
    return evolve(recipe, official={})  # like a loaded recipe


STARGAN = _shrink(
    "stargan",
    {
        "size": 8,
        "labels": LABELS,
        "generator": {"width": 4, "blocks": 1},
        "discriminator": {"width": 4, "depth": 2},
        "players": {"translator": {"every": 2}},
    },
)
CYCLEGAN = _shrink(
    "cyclegan-identity",
    {"size": 8, "labels": ("a", "b"), "generator": {"width": 4, "blocks": 1}, "discriminator": _PATCHES, "players": _EPS},
)
MUNIT = _shrink(
    "munit",
    {
        "size": 16,
        "encoder": {"width": 4, "blocks": 1, "style": 2},
        "generator": {"blocks": 1, "hidden": 8},
        "discriminator": {"width": 4, "depth": 1, "scales": 1},
    },
)
BICYCLEGAN = _shrink(
    "bicyclegan",
    {
        "size": 8,
        "style": 2,
        "generator": {"width": 4, "depth": 2},
        "style_encoder": {"width": 4, "depth": 2},
        "discriminator": {**_PATCHES, "scales": 1},
        "discriminator_random": {**_PATCHES, "scales": 1},
    },
)


def make_labelled_batch(model: Any, seed: int = 0) -> dict[str, Any]:
    """Return six images with labels of two label sets, each known for four of them."""
    label = torch.tensor([model.domain.encode(row) for row in ROWS]).double()
    image = torch.rand(6, 3, model.image.height, model.image.width, generator=torch.Generator().manual_seed(seed))
    return {"image": image.double() * 2 - 1, "label": label}
