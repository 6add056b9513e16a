"""Overrides: changes to a recipe, as ``Recipe.with_overrides``, ``build``, ``--set`` and recipe files make them. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core.domain import DomainSpec
from i2ikit.core.player_overrides import override_players, override_terms
from i2ikit.core.short_repr import shorten
from i2ikit.core.slot import Slot
from i2ikit.core.slot_overrides import override_slots
from i2ikit.core.specs import ImageSpec
from i2ikit.core.stages import SHARED, adapt_stages, override_stages
from i2ikit.core.training import Ema, Schedule
from i2ikit.core.validators import check_fields
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

RECIPE_FIELDS = (
    "name", "description", "paper", "plan", "steps", "batch", "flip", "jitter", "retranslate", "redraw", "source_channels",
    "source_content",
)  # fmt: skip
OTHER_NAMES = (
    "size", "channels", "image", "labels", "domains", "official", "lr", "schedule", "ema", "plan_options", "slots", "terms", "players",
    "stages", "style", "style_dim",
)  # fmt: skip


def apply_overrides(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with overrides applied; see :meth:`Recipe.with_overrides`."""
    _check_names(recipe, overrides)
    remaining = dict(overrides)
    official = remaining.pop("official", False)
    if not isinstance(official, (bool, Mapping)):
        raise OptionError(f'"official" is {shorten(official)}; it must be True or False, or a mapping of overrides.')
    if isinstance(official, Mapping):
        recipe = evolve(recipe, official=dict(official))
    elif official:
        recipe = _apply_official(recipe)
    before, shared = recipe, {name: remaining[name] for name in SHARED if name in remaining}
    recipe = evolve(recipe, image=_override_image(recipe.image, remaining))
    labels = remaining.pop("labels", remaining.pop("domains", None))
    if labels is not None:
        recipe = evolve(recipe, labels=DomainSpec.parse(labels))
    recipe = _override_plan_options(recipe, remaining)
    recipe = evolve(recipe, **{name: remaining.pop(name) for name in RECIPE_FIELDS if name in remaining})
    recipe = adapt_stages(recipe, before, shared)
    recipe = override_stages(recipe, _check_mapping(remaining.pop("stages", {}), "stages"))
    if "schedule" in remaining:
        recipe = evolve(recipe, schedule=_override_schedule(recipe.schedule, remaining.pop("schedule")))
    if "ema" in remaining:
        recipe = evolve(recipe, ema=_override_ema(recipe.ema, remaining.pop("ema")))
    if "lr" in remaining:
        lr = remaining.pop("lr")
        recipe = evolve(recipe, players=tuple(evolve(p, optimizer=evolve(p.optimizer, lr=lr)) for p in recipe.players))
    recipe = override_players(recipe, _check_mapping(remaining.pop("players", {}), "players"))
    recipe = override_terms(recipe, _check_mapping(remaining.pop("terms", {}), "terms"))
    style_dim = remaining.pop("style_dim", None)
    recipe = override_slots(recipe, remaining, _check_mapping(remaining.pop("slots", {}), "slots"))
    return recipe if style_dim is None else _with_style_dim(recipe, style_dim)


def _check_names(recipe: Recipe, overrides: Mapping[str, Any]) -> None:
    known = [*RECIPE_FIELDS, *OTHER_NAMES, *recipe.slots]
    for name, value in overrides.items():
        if name in known or isinstance(value, Slot):
            continue
        if name in ("width", "height"):
            raise OptionError(
                f'"{name}" is {shorten(value)}: of the images or of a network? '
                f"The size of the images is size=(height, width). An option of the "
                f'component in a slot is generator={{"{name}": {shorten(value)}}}; on the command line, generator.{name}={value}.'
            )
        raise UnknownNameError(f'setting of recipe "{recipe.name}"', name, known)


def _check_mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise OptionError(f'"{name}" is {shorten(value)}; it must be a mapping from names to their overrides.')
    return value


def _apply_official(recipe: Recipe) -> Recipe:
    if not recipe.official:
        raise OptionError(f'Recipe "{recipe.name}" does not support official=True: it has no official variant. Leave official= out.')
    return apply_overrides(recipe, recipe.official)


def _override_image(image: ImageSpec, overrides: dict[str, Any]) -> ImageSpec:
    """Return the image spec with new sizes and channels, and remove these from the overrides."""
    value = overrides.pop("image", image)
    image = value if isinstance(value, ImageSpec) else evolve(image, **check_fields(value, ImageSpec, "image"))
    size = overrides.pop("size", None)
    if size is not None:
        pair = (size, size) if isinstance(size, int) else size
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise OptionError(f'"size" is {shorten(size)}; it must be a number of pixels, or a pair of height and width.')
        image = evolve(image, height=pair[0], width=pair[1])
    channels = overrides.pop("channels", None)
    return image if channels is None else evolve(image, channels=channels)


def _override_plan_options(recipe: Recipe, overrides: dict[str, Any]) -> Recipe:
    """Return the recipe with other options of its plan. Options that are given with a new plan replace those of the old plan."""
    if "plan_options" in overrides:
        given = overrides.pop("plan_options")
        if isinstance(given, Sequence) and not isinstance(given, str):
            recipe = evolve(recipe, plan_options=tuple(dict(_check_mapping(each, "plan_options")) for each in given))
        elif "plan" in overrides:
            recipe = evolve(recipe, plan_options=dict(_check_mapping(given, "plan_options")))
        else:
            recipe = recipe.with_plan_options(**_check_mapping(given, "plan_options"))
    return recipe.with_plan_options(style=overrides.pop("style")) if "style" in overrides else recipe


def _override_schedule(schedule: Schedule, value: Any) -> Schedule:
    if isinstance(value, str):
        value = {"kind": value}
    return value if isinstance(value, Schedule) else evolve(schedule, **check_fields(value, Schedule, "schedule"))


def _override_ema(ema: float | Ema, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value  # the recipe checks numbers
    settings = check_fields(value, Ema, "average")
    return evolve(ema, **settings) if isinstance(ema, Ema) else Ema(**settings)


def _with_style_dim(recipe: Recipe, width: Any) -> Recipe:
    """Return the recipe with styles of that width, both in the slots' option ``style`` and in the plan's."""
    if type(width) is not int or width < 1:
        raise OptionError(f'"style_dim" is {shorten(width)}; it must be a whole number of 1 or more: the width of the style.')
    with_style = [name for name, slot in recipe.slots.items() if type(slot.options.get("style")) is int]
    plan_has_style = any(type(options.get("style")) is int for options in recipe.options_by_plan)
    if not with_style and not plan_has_style:
        raise OptionError(
            f'Recipe "{recipe.name}" does not support style_dim={width}: it has no style. '
            f"To sample a style from the prior, set style={width}."
        )
    slots = dict(recipe.slots)
    slots.update({name: evolve(slots[name], options={**slots[name].options, "style": width}) for name in with_style})
    return evolve(recipe.with_plan_options(style=width) if plan_has_style else recipe, slots=slots)
