"""Stages: recipes that a run trains one after the other. Later ones take weights of earlier ones. This module does not import torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core.short_repr import shorten
from i2ikit.core.slot import STAGE
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

SHARED = ("size", "channels", "source_channels", "source_content", "labels", "domains")
"""Overrides of a recipe that concern all its stages: those of the images and labels."""

_PLACE = re.compile(rf"{STAGE}(?P<stage>[\w-]+)(?P<rest>:(?P<slot>\w+)(?:/(?P<domain>.+))?)?")


def is_stage_place(text: str) -> bool:
    """Return whether a text names weights of an earlier stage, such as ``"stage:gan:generator"``."""
    return text.startswith(STAGE)


def list_stages(recipe: Recipe) -> dict[str, Recipe]:
    """Return all stages by name, in the order of the training. The recipe itself is the last one. Each holds the stages before it."""
    found: dict[str, Recipe] = {}
    for name, stage in {**recipe.stages, recipe.name: recipe}.items():
        found[name] = evolve(stage, stages={each: recipe.stages[each] for each in found})
    return found


def parse_place(place: str, stages: Collection[str]) -> tuple[str, str, str | None, str | None]:
    """Return the parts of the place of weights: the stage, all that follows it, the slot and the domain (or None).

    Args:
        place: ``"stage:NAME"``, ``"stage:NAME:slot"`` or ``"stage:NAME:slot/domain"``.
        stages: The stages before this one.

    Raises:
        OptionError: The text has another form.
        UnknownNameError: There is no such stage before this one.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise OptionError(f'"{place}" is not the place of weights. Write stage:NAME, stage:NAME:slot or stage:NAME:slot/domain.')
    if match["stage"] not in stages:
        if not stages:
            raise OptionError(
                f'"{place}": the recipe has no stages before this one. Add the stage: stages={{"{match["stage"]}": RECIPE}}, '
                f"or name the folder of a run."
            )
        raise UnknownNameError("stage before this one", match["stage"], stages)
    return match["stage"], match["rest"] or "", match["slot"], match["domain"]


def override_stages(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other stages before it.

    Args:
        recipe: The recipe.
        overrides: For each stage a recipe, None to remove the stage, or a mapping of overrides of a stage that exists. New stages follow
            the others.

    Raises:
        UnknownNameError: There is no such stage.
        OptionError: A value is not allowed.
    """
    stages = dict(recipe.stages)
    for name, value in overrides.items():
        if isinstance(value, type(recipe)):
            stages[name] = value
        elif isinstance(value, str):
            raise OptionError(f'Stage "{name}" is set to "{value}"; it must be a recipe: stages={{"{name}": i2ikit.recipe("{value}")}}.')
        elif name not in stages:
            raise UnknownNameError("stage", name, stages, note=f'To add it: stages={{"{name}": RECIPE}}.')
        elif value is None:
            del stages[name]
        elif isinstance(value, Mapping):
            stages[name] = stages[name].with_overrides(**value)
        else:
            raise OptionError(
                f'Stage "{name}" is set to {shorten(value)}; it must be a recipe, a mapping of overrides, or None to remove the stage.'
            )
    return evolve(recipe, stages=stages)


def adapt_stages(recipe: Recipe, before: Recipe, shared: Mapping[str, Any]) -> Recipe:
    """Return a recipe whose stages follow overrides of the images and labels. A stage with half the size of the recipe keeps half of it.

    Args:
        recipe: The recipe with the overrides.
        before: The recipe without them.
        shared: The overrides.
    """
    image, old = recipe.image, before.image

    def adapt(stage: Recipe) -> Recipe:
        size = round(stage.image.height * image.height / old.height), round(stage.image.width * image.width / old.width)
        return stage.with_overrides(**{**shared, "size": size})

    return evolve(recipe, stages={name: adapt(stage) for name, stage in recipe.stages.items()})
