"""Every recipe in a tiny form, whose step takes milliseconds. A new recipe requires an entry in TINY; a test checks this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from i2ikit import Model, build, default_registry
from i2ikit.core.batch_kinds import BatchKind
from i2ikit.core.plans import find_plan, find_routes, get_batch_kind
from i2ikit.core.recipe import Recipe
from i2ikit.errors import UnknownNameError
from i2ikit.nn.vgg import BLOCKS, LAYERS

SIZE = 16
LABELS = {"hair": ("black", "blond", "red"), "glasses": bool}
WEIGHTS = "<weights>"  # placeholder for a file of VGG-16 weights, which some recipes require

_CYCLEGAN = {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}}
_WITHOUT_DISCRIMINATOR = {"generator": {"width": 4, "blocks": 1}}
_MUNIT = {
    "encoder": {"width": 4, "blocks": 1},
    "generator": {"blocks": 1, "hidden": 8},
    "discriminator": {"width": 4, "depth": 2, "scales": 2},
}
_UNIT = {"encoder": {"width": 4, "blocks": 2}, "generator": {"blocks": 2}, "discriminator": {"width": 4, "depth": 2, "scales": 2}}
_BICYCLEGAN = {"generator": {"width": 4, "depth": 3}, "discriminator": {"width": 4, "depth": 2, "scales": 1}}
_WITH_STYLE_ENCODER = {**_BICYCLEGAN, "style_encoder": {"width": 4}}
_TWO_DISCRIMINATORS = {**_WITH_STYLE_ENCODER, "discriminator_random": _BICYCLEGAN["discriminator"]}
_PIX2PIX = {"generator": {"width": 4, "depth": 4}, "discriminator": {"width": 4, "depth": 2}}

TINY: Mapping[str, Mapping[str, Any]] = {
    "bicyclegan": _TWO_DISCRIMINATORS,
    "bicyclegan-fast": _TWO_DISCRIMINATORS,
    "cvae-gan": _WITH_STYLE_ENCODER,
    "cvae-gan++": _TWO_DISCRIMINATORS,
    "cae-gan": _WITH_STYLE_ENCODER,
    "clr-gan": _WITH_STYLE_ENCODER,
    "pix2pix+noise": _BICYCLEGAN,
    "bigan": {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}},
    "cogan": {"generator": {"width": 4, "max_width": 8}, "discriminator": {"width": 4, "max_width": 8}, "style": 6},
    "cyclegan": _CYCLEGAN,
    "cyclegan-identity": _CYCLEGAN,
    "cyclegan-fast": _CYCLEGAN,
    "cyclegan-cycle-alone": _WITHOUT_DISCRIMINATOR,
    "cyclegan-gan-alone": _CYCLEGAN,
    "cyclegan-gan-forward-cycle": _CYCLEGAN,
    "cyclegan-gan-backward-cycle": _CYCLEGAN,
    "cyclegan-dropout": _CYCLEGAN,
    "cyclegan-noise": _CYCLEGAN,
    "discogan": _CYCLEGAN,
    "dualgan": _CYCLEGAN,
    "feature-loss-gan": {
        "generator": {"width": 4, "blocks": 1},
        "discriminator": {"width": 4, "depth": 2},
        "terms": {"translator/feature": {"weights": WEIGHTS, "layer": "relu2_2"}},
    },
    "munit": _MUNIT,
    "munit-without-image-recon": _MUNIT,
    "munit-without-content-recon": _MUNIT,
    "munit-without-style-recon": _MUNIT,
    "munit-style-cycle": _MUNIT,
    "munit-vgg": {**_MUNIT, "terms": {"translator/perceptual": {"weights": WEIGHTS, "layer": "relu2_2"}}},
    "munit-fast": _MUNIT,
    "pix2pix": _PIX2PIX,
    "pix2pix-l1": {"generator": {"width": 4, "depth": 4}},
    "pix2pix-gan": _PIX2PIX,
    "pix2pix-unconditional": _PIX2PIX,
    "pix2pix-fast": _PIX2PIX,
    "simgan": {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}},
    "unit": _UNIT,
    "unit-fast": _UNIT,
    "stargan": {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}},
    "stargan-fast": {"generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4, "depth": 2}},
}


def list_recipes() -> list[str]:
    """Return the names of all recipes."""
    return sorted(default_registry().recipes())


def get_recipe(name: str) -> Recipe:
    return default_registry().recipe(name)


def needs_weights(name: str) -> bool:
    return WEIGHTS in str(TINY.get(name, ""))


def find_batch_kind(name: str) -> BatchKind:
    """Return the batch kind of a recipe."""
    return get_batch_kind(find_plan(get_recipe(name).plan, default_registry()))


def can_translate(name: str) -> bool:
    """Return whether a recipe translates images. If not, it generates them from noise alone."""
    recipe = get_recipe(name)
    plan = find_plan(recipe.plan, default_registry())
    kind = get_batch_kind(plan)
    return kind.source and (not kind.domains or bool(find_routes(plan, ("a", "b"), recipe.plan_options)))


def build_tiny(name: str, weights: Path, *, domains: int = 2, **overrides: Any) -> Model:
    """Build a recipe in its tiny form: 16 pixels, with domains "a", "b", ... or two attributes, depending on the batch kind.

    Args:
        name: Name of the recipe.
        weights: A file for the recipes that require VGG-16 weights; see :func:`write_weights`.
        domains: Number of domains, for recipes with domains.
        **overrides: Further overrides for ``build``.
    """
    if name not in TINY:
        raise UnknownNameError("recipe in tests/tiny_recipes.py", name, TINY)
    kind = find_batch_kind(name)
    labels: dict[str, Any] = (
        {"labels": LABELS} if kind.label == "required" else {"labels": tuple("abcdef"[:domains])} if kind.domains else {}
    )
    settings = {"size": SIZE, "channels": 3, **labels, **_insert_weights(TINY[name], weights), **overrides}
    return build(name, **settings)


def get_request(model: Model) -> dict[str, Any]:
    """Return the required arguments of ``model.translate``."""
    if model.batch_kind.label == "required":
        return {"to": {"hair": "red"}, "label": {"hair": "blond", "glasses": "no"}}
    return {"to": "b", "source": "a"} if model.batch_kind.domains else {}


def _insert_weights(options: Any, weights: Path) -> Any:
    if isinstance(options, Mapping):
        return {key: _insert_weights(value, weights) for key, value in options.items()}
    return str(weights) if options == WEIGHTS else options


def write_weights(path: Path) -> Path:
    """Write random weights of VGG-16 under torchvision's names."""
    generator, state, before = torch.Generator().manual_seed(0), {}, 3
    index = 0
    for channels, count in BLOCKS:
        for _ in range(count):
            state[f"features.{index}.weight"] = torch.randn(channels, before, 3, 3, generator=generator) * (2 / (9 * before)) ** 0.5
            state[f"features.{index}.bias"] = torch.zeros(channels)
            before, index = channels, index + 2
        index += 1
    assert len(state) == 2 * len(LAYERS)
    torch.save(state, path)
    return path
