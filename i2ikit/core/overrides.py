"""Overrides: changes to a recipe, as ``build`` and the command line accept them. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, fields

from i2ikit.core.domain import DomainSpec
from i2ikit.core.recipe import SLOT_SETTINGS, Optimizer, Player, Recipe, Schedule, Slot, Term, evolve_slot
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError, UnknownNameError

RECIPE_FIELDS = (
    "steps",
    "batch",
    "flip",
    "jitter",
    "ema",
    "retranslate",
    "redraw",
    "plan",
    "plan_options",
    "source_channels",
    "source_content",
)
OTHER_NAMES = (
    "size", "height", "width", "channels", "labels", "domains", "official", "lr", "schedule", "terms", "players", "style", "style_dim",
    "image",
)  # fmt: skip


def apply_overrides(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    """Return a recipe with overrides applied.

    Args:
        recipe: The recipe to change. It stays as it is.
        overrides: New values by name:

            - ``size`` (pixels, or a pair of height and width), ``height``, ``width``, ``channels``, ``image``,
              ``source_channels``, ``source_content``;
            - ``labels`` (or ``domains``), as :meth:`DomainSpec.parse` accepts them;
            - ``official=True``: the changes that reproduce the original code;
            - ``lr``: the learning rate of every player;
            - ``steps``, ``batch``, ``flip``, ``jitter``, ``ema``, ``retranslate``, ``redraw``, ``schedule``, ``plan``, ``plan_options``;
            - ``style``: the plan's option of that name; ``style_dim``: the width of the style, wherever the recipe sets it;
            - a slot's name: a component name, a mapping of options (and of attributes of the slot), a Slot, or None to remove the slot;
            - ``terms={"player/term": VALUE}``: a weight, a mapping of attributes and options, a Term, or None to remove the term;
            - ``players={"discriminator": {"every": 2, "optimizer": {...}}}``.

    Raises:
        UnknownNameError: The recipe has nothing with that name.
        OptionError: A value is not allowed.
    """
    known = [*RECIPE_FIELDS, *OTHER_NAMES, *recipe.slots]
    for name in overrides:
        if name not in known and not isinstance(overrides[name], Slot):
            raise UnknownNameError(f'setting of recipe "{recipe.name}"', name, known)
    remaining = dict(overrides)
    if remaining.pop("official", False):
        recipe = _apply_official(recipe)
    recipe = evolve(recipe, image=_override_image(recipe.image, remaining))
    labels = remaining.pop("labels", remaining.pop("domains", None))
    if labels is not None:
        recipe = evolve(recipe, labels=DomainSpec.parse(labels))
    if "style" in remaining:
        recipe = recipe.with_plan_options(style=remaining.pop("style"))
    if "schedule" in remaining:
        recipe = evolve(recipe, schedule=_override_schedule(recipe.schedule, remaining.pop("schedule")))
    if "lr" in remaining:
        lr = remaining.pop("lr")
        recipe = evolve(recipe, players=tuple(evolve(p, optimizer=evolve(p.optimizer, lr=lr)) for p in recipe.players))
    for name, value in _check_mapping(remaining.pop("players", {}), "players").items():
        recipe = recipe.with_player(_override_player(recipe, name, value))
    for name, value in _check_mapping(remaining.pop("terms", {}), "terms").items():
        recipe = _override_term(recipe, name, value)
    recipe = evolve(recipe, **{name: remaining.pop(name) for name in RECIPE_FIELDS if name in remaining})
    style_dim = remaining.pop("style_dim", None)
    recipe = _override_slots(recipe, remaining)
    return recipe if style_dim is None else _with_style_dim(recipe, style_dim)


def _with_style_dim(recipe: Recipe, width: Any) -> Recipe:
    """Return the recipe with styles of that width, both in the slots' option ``style`` and in the plan's."""
    if type(width) is not int or width < 1:
        raise OptionError(f'"style_dim" is {width!r}; it must be a whole number of 1 or more: the width of the style.')
    with_style = [name for name, slot in recipe.slots.items() if type(slot.options.get("style")) is int]
    plan_has_style = any(type(options.get("style")) is int for options in recipe.options_by_plan)
    if not with_style and not plan_has_style:
        raise OptionError(
            f'Recipe "{recipe.name}" does not support style_dim={width}: it has no style. '
            f"To sample a style from the prior, set style={width}."
        )
    slots = {name: slot.with_options(style=width) if name in with_style else slot for name, slot in recipe.slots.items()}
    return evolve(recipe.with_plan_options(style=width) if plan_has_style else recipe, slots=slots)


def _check_mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise OptionError(f'"{name}" is {value!r}; it must be a mapping from names to their overrides.')
    return value


def _apply_official(recipe: Recipe) -> Recipe:
    if not recipe.official:
        raise OptionError(f'Recipe "{recipe.name}" does not support official=True: it has no official variant. Leave official= out.')
    return apply_overrides(recipe, recipe.official)


def _override_slots(recipe: Recipe, overrides: Mapping[str, Any]) -> Recipe:
    slots: dict[str, Slot | None] = dict(recipe.slots)
    for name, value in overrides.items():
        slots[name] = _override_slot(slots.get(name), value)
    kept = {name: slot for name, slot in slots.items() if slot is not None}
    removed = set(slots) - set(kept)
    players = tuple(evolve(p, trains=tuple(slot for slot in p.trains if slot not in removed)) for p in recipe.players)
    return evolve(recipe, slots=kept, players=players)


def _override_image(image: ImageSpec, overrides: dict[str, Any]) -> ImageSpec:
    """Return the image spec with new sizes and channels, and remove these from the overrides."""
    image = overrides.pop("image", image)
    size = overrides.pop("size", None)
    sides: dict[str, Any] = {}
    if size is not None:
        pair = (size, size) if isinstance(size, int) else size
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise OptionError(f'"size" is {size!r}; it must be a number of pixels, or a pair of height and width.')
        sides = {"height": pair[0], "width": pair[1]}
    sides |= {name: overrides.pop(name) for name in ("height", "width", "channels") if name in overrides}
    return evolve(image, **{name: value for name, value in sides.items() if value is not None})


def _override_schedule(schedule: Schedule, value: Any) -> Schedule:
    if isinstance(value, str):
        value = {"kind": value}
    return value if isinstance(value, Schedule) else evolve(schedule, **_check_fields(value, Schedule))


def _override_player(recipe: Recipe, name: str, value: Mapping[str, Any]) -> Player:
    if name not in [player.name for player in recipe.players]:
        raise UnknownNameError("player", name, [player.name for player in recipe.players])
    player = recipe.player(name)
    settings = dict(_check_fields(value, Player))
    if isinstance(settings.get("optimizer"), Mapping):
        settings["optimizer"] = evolve(player.optimizer, **_check_fields(settings["optimizer"], Optimizer))
    return evolve(player, **settings)


def _override_term(recipe: Recipe, name: str, value: Any) -> Recipe:
    owner, _, term = name.partition("/")
    known = [f"{player.name}/{each}" for player in recipe.players for each in player.terms]
    if owner not in [player.name for player in recipe.players] or (name not in known and not isinstance(value, Term)):
        raise UnknownNameError("term", name, known)
    player = recipe.player(owner)
    terms = dict(player.terms)
    if value is None:
        del terms[term]
    elif isinstance(value, Term):
        terms[term] = value
    elif callable(value) or isinstance(value, str):
        raise OptionError(f'Term "{name}" must be set to a weight, a mapping of options, a Term or None; found {value!r}. Write Term(...).')
    else:
        terms[term] = terms[term].with_overrides(**(value if isinstance(value, Mapping) else {"weight": value}))
    return recipe.with_player(evolve(player, terms=terms))


def _override_slot(slot: Slot | None, value: Any) -> Slot | None:
    if value is None or isinstance(value, Slot):
        return value
    if isinstance(value, str):
        return Slot(value) if slot is None else evolve_slot(slot, component=value, options={})
    if isinstance(value, Mapping) and slot is not None:
        own = {key: value[key] for key in ("component", *SLOT_SETTINGS) if key in value}
        options = {} if "component" in own else slot.options
        return evolve_slot(slot, **own, options={**options, **{key: value[key] for key in value if key not in own}})
    raise OptionError(f"A slot must be set to a component name, a mapping of options, a Slot or None; found {value!r}.")


def _check_fields(value: Any, kind: type) -> Mapping[str, Any]:
    known = [each.name for each in fields(kind)]
    if not isinstance(value, Mapping):
        raise OptionError(f"The overrides of a {kind.__name__.lower()} must be a mapping; found {value!r}. Available: {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise UnknownNameError(f"setting of a {kind.__name__.lower()}", name, known)
    return value
