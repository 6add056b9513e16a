"""Recipes as JSON data and back.

Losses and plans that are Python functions cannot be saved. A model that is loaded without them translates; in training, a missing loss is
left out and a missing plan raises an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from i2ikit.core.player import Player
from i2ikit.core.recipe import PYTHON, Recipe
from i2ikit.core.saved_recipe import restore
from i2ikit.core.training import Ema, Schedule

__all__ = ["dump", "find_missing_losses", "restore"]

# Settings that earlier versions did not have. At their default they are left out, so that a stored run equals the same run of today.
NEWER_SETTINGS: dict[str, Any] = {"input": "", "weights": "", "wrappers": [], "value": 1.0, "lazy": False}
NEWER_FIELDS = ("source_channels", "redraw", "jitter", "source_content")  # missing in files of earlier versions
PLAIN_FIELDS = ("name", "batch", "steps", "flip", "retranslate", "paper", "description")


def dump(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as JSON data. Its ``official`` overrides are left out: they have been applied already if they were requested."""
    return {
        **{name: getattr(recipe, name) for name in (*PLAIN_FIELDS, *NEWER_FIELDS) if name != "source_content"},
        "plan": [_dump_plan(each) for each in recipe.plans] if isinstance(recipe.plan, (tuple, list)) else _dump_plan(recipe.plan),
        "plan_options": _to_plain_data(recipe.plan_options)
        if isinstance(recipe.plan_options, (tuple, list))
        else dict(recipe.plan_options),
        "image": {name: value for name, value in asdict(recipe.image).items() if (name, value) != ("content", "picture")},
        **({} if recipe.source_content == "picture" else {"source_content": recipe.source_content}),
        "labels": recipe.labels.to_dict(),
        "ema": asdict(recipe.ema) if isinstance(recipe.ema, Ema) else recipe.ema,
        "schedule": _dump_settings(recipe.schedule),
        "slots": {name: _dump_settings(slot) for name, slot in recipe.slots.items()},
        "players": [_dump_player(player) for player in recipe.players],
        **({"stages": {name: dump(stage) for name, stage in recipe.stages.items()}} if recipe.stages else {}),
    }


def find_missing_losses(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the terms in saved data, as "player__term", whose loss was a Python function or module and was therefore not saved."""
    return tuple(
        f"{player['name']}__{name}"
        for player in data["players"]
        for name, term in player["terms"].items()
        if term["loss"].startswith(PYTHON)
    )


def _dump_plan(plan: Any) -> str:
    return plan if isinstance(plan, str) else f"{PYTHON}{getattr(plan, '__name__', type(plan).__name__)}"


def _dump_player(player: Player) -> dict[str, Any]:
    terms = {}
    for name, term in player.terms.items():
        loss = term.loss if isinstance(term.loss, str) else f"{PYTHON}{getattr(term.loss, '__qualname__', type(term.loss).__qualname__)}"
        weight = _dump_settings(term.weight) if isinstance(term.weight, Schedule) else term.weight
        terms[name] = {**_to_plain_data(asdict(term)), "loss": loss, "weight": weight}
    plain = {"name": player.name, "trains": list(player.trains), "every": player.every, "pool": player.pool}
    return {**plain, "optimizer": _dump_settings(player.optimizer), "terms": terms}


def _dump_settings(settings: Any) -> dict[str, Any]:
    """Return a slot, a schedule or an optimizer as JSON data, without newer settings at their default."""
    plain = _to_plain_data(asdict(settings))
    return {name: value for name, value in plain.items() if name not in NEWER_SETTINGS or value != NEWER_SETTINGS[name]}


def _to_plain_data(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _to_plain_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain_data(each) for each in value]
    return value
