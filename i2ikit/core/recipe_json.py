"""Recipes as JSON data and back. Losses given as functions cannot be stored: a loaded model translates, and says what it lacks to train."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from attrs import asdict, fields

from i2ikit.core.domain import DomainSpec
from i2ikit.core.recipe import PYTHON, Optimizer, Player, Recipe, Schedule, Slot, Term
from i2ikit.core.specs import ImageSpec
from i2ikit.errors import CheckpointError

LATER = ("source_channels", "redraw", "jitter")  # files of earlier versions do not have them
PLAIN = ("name", "batch", "steps", "flip", "ema", "retranslate", "paper", "description")


def dump(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as JSON data, its ``official`` changes left out: they are applied or not wanted."""
    return {
        **{name: getattr(recipe, name) for name in (*PLAIN, *LATER)},
        "plan": recipe.plan if isinstance(recipe.plan, str) else f"{PYTHON}{recipe.plan_name}",
        "plan_options": dict(recipe.plan_options),
        "image": asdict(recipe.image),
        "labels": recipe.labels.declaration(),
        "schedule": asdict(recipe.schedule),
        "slots": {name: _plain(asdict(slot)) for name, slot in recipe.slots.items()},
        "players": [_player(player) for player in recipe.players],
    }


def restore(data: Mapping[str, Any]) -> Recipe:
    """Read what :func:`dump` wrote.

    Raises:
        CheckpointError: A key that a recipe does not have.
        KeyError: A key that is missing.
    """
    _strict(data, {each.name for each in fields(Recipe)}, "recipe")
    return Recipe(
        **{name: data[name] for name in PLAIN},
        **{name: data[name] for name in LATER if name in data},
        plan=data["plan"],
        plan_options=dict(data["plan_options"]),
        image=ImageSpec(**data["image"]),
        labels=DomainSpec.restore(data["labels"]),
        schedule=Schedule(**data["schedule"]),
        slots={name: _restored_slot(slot) for name, slot in data["slots"].items()},
        players=tuple(_restored_player(player) for player in data["players"]),
    )


def lost_terms(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the terms of stored data, as "player__term", whose loss was given as a function or a module."""
    return tuple(
        f"{player['name']}__{name}"
        for player in data["players"]
        for name, term in player["terms"].items()
        if term["loss"].startswith(PYTHON)
    )


def _player(player: Player) -> dict[str, Any]:
    terms = {}
    for name, term in player.terms.items():
        loss = term.loss if isinstance(term.loss, str) else f"{PYTHON}{getattr(term.loss, '__qualname__', type(term.loss).__qualname__)}"
        terms[name] = {**_plain(asdict(term)), "loss": loss}
    plain = {"name": player.name, "trains": list(player.trains), "every": player.every, "pool": player.pool}
    return {**plain, "optimizer": _plain(asdict(player.optimizer)), "terms": terms}


def _restored_slot(data: Mapping[str, Any]) -> Slot:
    _strict(data, {each.name for each in fields(Slot)}, "slot")
    return Slot(
        data["component"],
        role=data["role"],
        per=data["per"],
        shared=tuple(data["shared"]),
        frozen=data["frozen"],
        **{name: _tupled(value) for name, value in data["options"].items()},
    )


def _restored_player(data: Mapping[str, Any]) -> Player:
    _strict(data, {each.name for each in fields(Player)}, "player")
    terms = {}
    for name, term in data["terms"].items():
        _strict(term, {each.name for each in fields(Term)}, "term")
        if term["loss"].startswith(PYTHON):
            warnings.warn(
                f'Term "{data["name"]}/{name}" was the function {term["loss"].removeprefix(PYTHON)}, which a file cannot hold: '
                f"the model translates, but trains without it.",
                stacklevel=4,
            )
            continue
        given = {key: _tupled(term[key]) for key in ("weight", "every", "updates", "translations", "turn")}
        terms[name] = Term(term["loss"], **given, **{key: _tupled(value) for key, value in term["options"].items()})
    optimizer = Optimizer(**{key: _tupled(value) for key, value in data["optimizer"].items()})
    return Player(data["name"], tuple(data["trains"]), terms, data["every"], optimizer, data["pool"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(each) for each in value) if isinstance(value, list) else value


def _strict(data: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(data) - known)
    if unknown:
        raise CheckpointError(f'The saved {what} has "{unknown[0]}", which this version does not know. Install the i2ikit that wrote it.')
