"""Recipes as JSON data and back.

Losses and plans that are Python functions cannot be saved. A model that is loaded without them translates; in training, a missing loss is
left out and a missing plan raises an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import asdict, fields

from i2ikit.core.domain import DomainSpec
from i2ikit.core.player import Player
from i2ikit.core.recipe import PYTHON, Recipe
from i2ikit.core.slot import Slot, Term
from i2ikit.core.specs import ImageSpec
from i2ikit.core.training import Ema, Optimizer, Schedule
from i2ikit.errors import CheckpointError

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


def restore(data: Mapping[str, Any]) -> Recipe:
    """Make a recipe from the data that :func:`dump` returned.

    Raises:
        CheckpointError: The data have an unknown key.
        KeyError: A key is missing.
    """
    _check_keys(data, {each.name for each in fields(Recipe)}, "recipe")
    return Recipe(
        **{name: data[name] for name in PLAIN_FIELDS},
        **{name: data[name] for name in NEWER_FIELDS if name in data},
        plan=_to_tuples(data["plan"]),
        plan_options=_to_tuples(data["plan_options"]),
        image=ImageSpec(**data["image"]),
        labels=DomainSpec.from_dict(data["labels"]),
        ema=Ema(**data["ema"]) if isinstance(data["ema"], Mapping) else data["ema"],
        schedule=Schedule(**data["schedule"]),
        slots={name: _restore_slot(slot) for name, slot in data["slots"].items()},
        players=tuple(_restore_player(player) for player in data["players"]),
        stages={name: restore(stage) for name, stage in data.get("stages", {}).items()},
    )


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


def _restore_slot(data: Mapping[str, Any]) -> Slot:
    _check_keys(data, {each.name for each in fields(Slot)}, "slot")
    component = data["component"]
    return Slot(
        component if isinstance(component, str) else _restore_entries(component),
        _restore_options(data["options"]),
        role=data["role"],
        input=data.get("input", ""),
        per=data["per"],
        shared=tuple(data["shared"]),
        frozen=data["frozen"],
        weights=data.get("weights", ""),
        wrappers=_restore_entries(data.get("wrappers", ())),
    )


def _restore_entries(data: Sequence[Sequence[Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, _restore_options(options)) for name, options in data]


def _restore_options(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _to_tuples(value) for name, value in data.items()}


def _restore_player(data: Mapping[str, Any]) -> Player:
    _check_keys(data, {each.name for each in fields(Player)}, "player")
    terms = {}
    for name, term in data["terms"].items():
        _check_keys(term, {each.name for each in fields(Term)}, "term")
        if term["loss"].startswith(PYTHON):
            warnings.warn(
                f'Term "{data["name"]}/{name}" is the Python function {term["loss"].removeprefix(PYTHON)}, which was not saved. '
                f"The model translates, but trains without this term. To train with it, build the recipe with the function again: "
                f'terms={{"{data["name"]}/{name}": Term(FUNCTION)}}.',
                stacklevel=4,
            )
            continue
        given = {key: _to_tuples(term[key]) for key in ("every", "updates", "translations", "turn")}
        weight = Schedule(**term["weight"]) if isinstance(term["weight"], Mapping) else term["weight"]
        terms[name] = Term(term["loss"], weight, _restore_options(term["options"]), **given)
    optimizer = Optimizer(**_restore_options(data["optimizer"]))
    return Player(data["name"], tuple(data["trains"]), terms, data["every"], optimizer, data["pool"])


def _to_plain_data(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _to_plain_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain_data(each) for each in value]
    return value


def _to_tuples(value: Any) -> Any:
    return tuple(_to_tuples(each) for each in value) if isinstance(value, list) else value


def _check_keys(data: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(data) - known)
    if unknown:
        raise CheckpointError(f'The saved {what} has the unknown key "{unknown[0]}". Install the version of i2ikit that saved it.')
