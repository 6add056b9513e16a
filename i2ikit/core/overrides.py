"""Changes to a recipe, as ``build`` and the command line take them. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, fields

from i2ikit.core.domain import DomainSpec
from i2ikit.core.recipe import Optimizer, Player, Recipe, Schedule, Slot, Term, evolve_slot
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import OptionError, UnknownNameError

PLAIN = ("steps", "batch", "flip", "jitter", "ema", "retranslate", "redraw", "plan", "plan_options", "source_channels")
OTHERS = (
    "size", "height", "width", "channels", "labels", "domains", "official", "lr", "schedule", "terms", "players", "style", "style_dim",
    "image",
)  # fmt: skip


def apply_overrides(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with changes applied.

    Args:
        recipe: What to change.
        changes: By name: ``size`` (pixels, or a pair of height and width), ``channels``, ``source_channels``; ``labels`` (or
            ``domains``); ``official``; ``lr`` of every player; ``steps``, ``batch``, ``flip``, ``jitter``, ``ema``, ``retranslate``,
            ``redraw``, ``schedule``; ``style``, the plan's option; ``style_dim``, how many numbers a style has, wherever the recipe says
            it; a slot's name with a component name, a mapping of options, a Slot, or None to leave it out;
            ``terms={"player/term": weight, a mapping, a Term, or None}``;
            ``players={"discriminator": {"every": 2, "optimizer": {...}}}``.

    Raises:
        UnknownNameError: There is nothing of that name to change.
        OptionError: A value that cannot be.
    """
    known = [*PLAIN, *OTHERS, *recipe.slots]
    for name in changes:
        if name not in known and not isinstance(changes[name], Slot):
            raise UnknownNameError(f'setting of recipe "{recipe.name}"', name, known)
    changes = dict(changes)
    if changes.pop("official", False):
        recipe = _official(recipe)
    recipe = evolve(recipe, image=_image(recipe.image, changes))
    labels = changes.pop("labels", changes.pop("domains", None))
    if labels is not None:
        recipe = evolve(recipe, labels=DomainSpec.parse(labels))
    if "style" in changes:
        recipe = evolve(recipe, plan_options={**recipe.plan_options, "style": changes.pop("style")})
    if "schedule" in changes:
        recipe = evolve(recipe, schedule=_schedule(recipe.schedule, changes.pop("schedule")))
    if "lr" in changes:
        lr = changes.pop("lr")
        recipe = evolve(recipe, players=tuple(evolve(p, optimizer=evolve(p.optimizer, lr=lr)) for p in recipe.players))
    for name, change in _named(changes.pop("players", {}), "players").items():
        recipe = recipe.with_player(_player(recipe, name, change))
    for name, change in _named(changes.pop("terms", {}), "terms").items():
        recipe = _with_term(recipe, name, change)
    recipe = evolve(recipe, **{name: changes.pop(name) for name in PLAIN if name in changes})
    width = changes.pop("style_dim", None)
    recipe = _with_slots(recipe, changes)
    return recipe if width is None else _with_width(recipe, width)


def _with_width(recipe: Recipe, width: Any) -> Recipe:
    """Return a recipe whose styles are that wide, those that an encoder reads and those that the plan draws."""
    if type(width) is not int or width < 1:
        raise OptionError(f'"style_dim" is {width!r}; it must be how many numbers a style has, 1 or more.')
    reading = [name for name, slot in recipe.slots.items() if type(slot.options.get("style")) is int]
    drawing = type(recipe.plan_options.get("style")) is int
    if not reading and not drawing:
        raise OptionError(f'Recipe "{recipe.name}" has no style whose width style_dim={width} could be. To draw one, write style={width}.')
    slots = {name: slot.with_options(style=width) if name in reading else slot for name, slot in recipe.slots.items()}
    return evolve(recipe, slots=slots, plan_options={**recipe.plan_options, "style": width} if drawing else recipe.plan_options)


def _named(change: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(change, Mapping):
        raise OptionError(f'"{what}" is {change!r}; it must be a mapping from names to what changes of them.')
    return change


def _official(recipe: Recipe) -> Recipe:
    if not recipe.official:
        raise OptionError(f'Recipe "{recipe.name}" has no official variant of its own.')
    return apply_overrides(recipe, recipe.official)


def _with_slots(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    slots: dict[str, Slot | None] = dict(recipe.slots)
    for name, change in changes.items():
        slots[name] = _slot(slots.get(name), change)
    kept = {name: slot for name, slot in slots.items() if slot is not None}
    gone = set(slots) - set(kept)
    players = tuple(evolve(p, trains=tuple(slot for slot in p.trains if slot not in gone)) for p in recipe.players)
    return evolve(recipe, slots=kept, players=players)


def _image(image: ImageSpec, changes: dict[str, Any]) -> ImageSpec:
    image = changes.pop("image", image)
    size = changes.pop("size", None)
    sides: dict[str, Any] = {}
    if size is not None:
        pair = (size, size) if isinstance(size, int) else size
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise OptionError(f'"size" is {size!r}; it must be a number of pixels, or a pair of height and width.')
        sides = {"height": pair[0], "width": pair[1]}
    sides |= {name: changes.pop(name) for name in ("height", "width", "channels") if name in changes}
    return evolve(image, **{name: value for name, value in sides.items() if value is not None})


def _schedule(schedule: Schedule, change: Any) -> Schedule:
    if isinstance(change, str):
        change = {"kind": change}
    return change if isinstance(change, Schedule) else evolve(schedule, **_checked(change, Schedule))


def _player(recipe: Recipe, name: str, change: Mapping[str, Any]) -> Player:
    if name not in [player.name for player in recipe.players]:
        raise UnknownNameError("player", name, [player.name for player in recipe.players])
    player = recipe.player(name)
    change = dict(_checked(change, Player))
    if isinstance(change.get("optimizer"), Mapping):
        change["optimizer"] = evolve(player.optimizer, **_checked(change["optimizer"], Optimizer))
    return evolve(player, **change)


def _with_term(recipe: Recipe, name: str, change: Any) -> Recipe:
    owner, _, term = name.partition("/")
    known = [f"{player.name}/{each}" for player in recipe.players for each in player.terms]
    if owner not in [player.name for player in recipe.players] or (name not in known and not isinstance(change, Term)):
        raise UnknownNameError("term", name, known)
    player = recipe.player(owner)
    terms = dict(player.terms)
    if change is None:
        del terms[term]
    elif isinstance(change, Term):
        terms[term] = change
    else:
        terms[term] = terms[term].with_overrides(**(change if isinstance(change, Mapping) else {"weight": change}))
    return recipe.with_player(evolve(player, terms=terms))


def _slot(slot: Slot | None, change: Any) -> Slot | None:
    if change is None or isinstance(change, Slot):
        return change
    if isinstance(change, str):
        return Slot(change) if slot is None else evolve_slot(slot, component=change, options={})
    if isinstance(change, Mapping) and slot is not None:
        return slot.with_options(**change)
    raise OptionError(f"A slot is changed by a component's name, a mapping of options or a Slot; found {change!r}.")


def _checked(change: Any, kind: type) -> Mapping[str, Any]:
    known = [each.name for each in fields(kind)]
    if not isinstance(change, Mapping):
        raise OptionError(f"A {kind.__name__.lower()} is changed by a mapping of {', '.join(known)}; found {change!r}.")
    for name in change:
        if name not in known:
            raise UnknownNameError(f"setting of a {kind.__name__.lower()}", name, known)
    return change
