"""The form of a recipe in JSON files, and the recipe that is made from it. This module does not import torch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import asdict, field, fields, frozen
from cattrs import Converter

from i2ikit.core.domain import DomainSpec
from i2ikit.core.player import Player
from i2ikit.core.recipe import PYTHON, Recipe
from i2ikit.core.slot import Slot, Term
from i2ikit.core.specs import Content, ImageSpec
from i2ikit.core.structure import Hook, make_converter, structure
from i2ikit.core.training import Ema, Optimizer, Schedule


@frozen(kw_only=True)
class SavedLabels:
    """Label sets as :meth:`DomainSpec.to_dict` returns them; a binary attribute has no values.

    ``none`` names the attributes that can be none; it is missing if every categorical attribute can.
    """

    sets: dict[str, dict[str, list[str]]]
    masked: bool
    none: list[str] | None = None


@frozen(kw_only=True)
class SavedSlot:
    """A slot. A component is a name, or a list of names with options."""

    component: str | list[tuple[str, dict[str, Any]]]
    options: dict[str, Any]
    role: str | None
    per: Literal["domain", "pair"] | None
    shared: list[str]
    frozen: bool
    input: str = ""
    weights: str = ""
    wrappers: list[tuple[str, dict[str, Any]]] = field(factory=list)


@frozen(kw_only=True)
class SavedTerm:
    """A term. A loss that is a Python function is its name after ``python:``."""

    loss: str
    weight: float | Schedule
    options: dict[str, Any]
    every: int
    updates: list[str] | None
    translations: list[str] | None
    turn: str


@frozen(kw_only=True)
class SavedPlayer:
    """A player."""

    name: str
    trains: list[str]
    terms: dict[str, SavedTerm]
    every: int
    optimizer: Optimizer
    pool: int


@frozen(kw_only=True)
class SavedRecipe:
    """A recipe, as :func:`i2ikit.core.recipe_json.dump` writes it. Fields with a default are missing in files of earlier versions."""

    name: str
    batch: int
    steps: int
    flip: bool
    retranslate: bool
    paper: str
    description: str
    plan: str | list[str]
    plan_options: dict[str, Any] | list[dict[str, Any]]
    image: ImageSpec
    labels: SavedLabels
    ema: float | Ema
    schedule: Schedule
    slots: dict[str, Slot]
    players: list[Player]
    source_channels: int = 0
    source_content: Content = "picture"
    redraw: bool = False
    jitter: float = 0.0
    stages: dict[str, Recipe] = field(factory=dict)


def restore(data: object, title: str = "The saved recipe", path: tuple[str, ...] = ()) -> Recipe:
    """Return the recipe that JSON data with present names stands for. A warning names each loss that was not saved.

    Args:
        data: The data.
        title: What it is in messages.
        path: The keys that lead to the data in its file.

    Raises:
        CheckpointError: A key is missing or unknown, or a value is wrong.
    """
    return structure(data, Recipe, title, make_converter(*RECIPE_HOOKS), path)


def _make_recipe(data: Any, converter: Converter) -> Recipe:
    saved = converter.structure(data, SavedRecipe)
    made = {
        "plan": to_tuples(saved.plan),
        "plan_options": to_tuples(saved.plan_options),
        "labels": DomainSpec.from_dict({name: value for name, value in asdict(saved.labels).items() if value is not None}),
        "players": tuple(saved.players),
    }
    return Recipe(**{each.name: getattr(saved, each.name) for each in fields(SavedRecipe) if each.name not in made}, **made)


def _make_player(data: Any, converter: Converter) -> Player:
    saved = converter.structure(data, SavedPlayer)
    terms = {}
    for name, term in saved.terms.items():
        if term.loss.startswith(PYTHON):
            warnings.warn(
                f'Term "{saved.name}/{name}" is the Python function {term.loss.removeprefix(PYTHON)}, which was not saved. '
                f"The model translates, but trains without this term. To train with it, build the recipe with the function again: "
                f'terms={{"{saved.name}/{name}": Term(FUNCTION)}}.',
                stacklevel=4,
            )
            continue
        given = {"every": term.every, "updates": term.updates, "translations": term.translations, "turn": term.turn}
        terms[name] = Term(term.loss, term.weight, _to_options(term.options), **given)  # type: ignore[arg-type]
    return Player(saved.name, tuple(saved.trains), terms, saved.every, saved.optimizer, saved.pool)


def _make_slot(data: Any, converter: Converter) -> Slot:
    saved = converter.structure(data, SavedSlot)
    return Slot(
        saved.component if isinstance(saved.component, str) else _to_entries(saved.component),
        _to_options(saved.options),
        role=saved.role,
        input=saved.input,
        per=saved.per,
        shared=tuple(saved.shared),
        frozen=saved.frozen,
        weights=saved.weights,
        wrappers=_to_entries(saved.wrappers),
    )


def to_tuples(value: Any) -> Any:
    """Return JSON data with tuples in place of lists, as recipes hold them."""
    return tuple(to_tuples(each) for each in value) if isinstance(value, list) else value


def _to_entries(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, _to_options(options)) for name, options in entries]


def _to_options(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_tuples(value) for name, value in data.items()}


def _one_or_several(one: Any, several: Any) -> Hook:
    """Return the hook of a value or a list of such values."""
    return one | several, lambda value, converter: converter.structure(value, several if isinstance(value, list) else one)


def _number_or_mapping(kind: Any) -> Hook:
    """Return the hook of a number or a class."""
    return float | kind, lambda value, converter: converter.structure(value, kind if isinstance(value, Mapping) else float)


RECIPE_HOOKS: tuple[Hook, ...] = (
    (Recipe, _make_recipe),
    (Player, _make_player),
    (Slot, _make_slot),
    _one_or_several(str, list[str]),
    _one_or_several(str, list[tuple[str, dict[str, Any]]]),
    _one_or_several(dict[str, Any], list[dict[str, Any]]),
    _number_or_mapping(Ema),
    _number_or_mapping(Schedule),
)
"""How a recipe and its parts are made."""
