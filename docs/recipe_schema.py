"""Writes docs/recipe.schema.json, the JSON schema of recipe files: ``python docs/recipe_schema.py``."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from attrs import fields

from i2ikit.core.docstrings import read_docstring
from i2ikit.core.overrides import OTHER_NAMES, RECIPE_FIELDS
from i2ikit.core.player import Player
from i2ikit.core.player_overrides import OPTIMIZER_SETTINGS, PLAYER_SETTINGS
from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import SLOT_SETTINGS, TERM_SETTINGS, Slot, Term
from i2ikit.core.specs import ImageSpec
from i2ikit.core.training import Ema, Optimizer, Schedule

FILE = Path(__file__).with_name("recipe.schema.json")
SIMPLE = {int: "integer", float: "number", bool: "boolean", str: "string"}
NAMES = {"type": "array", "items": {"type": "string"}}
OPTIONS = {"type": "object", "description": "Options of the component by name."}
SIZE = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}]}
ENTRIES = {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 2, "maxItems": 2}]}}
LABELS = {"anyOf": [NAMES, {"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
DESCRIPTIONS = {
    "extends": "The recipe that this file changes: a registered name, or another file. Without it, the file is a whole recipe.",
    "size": "Side of the images in pixels, or [height, width].",
    "channels": "Channels of the images.",
    "domains": "The domains of unpaired images; another word for labels.",
    "labels": 'The label sets, such as {hair = ["black", "blond"], male = "bool"}.',
    "official": "Whether the changes that reproduce the original code are applied first.",
    "lr": "Learning rate of all players.",
    "style": "Width of the styles that the plan samples; 0 for none, or the text prior.",
    "style_dim": "Width of all styles.",
    "slots": "Settings of the slots, with their component and options. The text none removes a slot.",
    "terms": "Overrides of terms, by player/term: a weight, the name of a loss, or a table. The text none removes a term.",
    "players": "Settings of the players and their optimizers. The text none removes a player.",
    "stages": "Recipes that a run trains before this one: a name or a recipe, with the size and labels of this file. The text none removes "
    "a stage.",
    "before": "The player before which this one plays.",
}


def make_schema() -> dict[str, Any]:
    """Return the schema. Its descriptions are those of the docstrings."""
    ema = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/average"}]}
    weight = {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/schedule"}]}
    term = {**_list_settings(Term, TERM_SETTINGS), "loss": {"type": "string"}, "options": OPTIONS, "weight": weight}
    component = {"anyOf": [{"type": "string"}, ENTRIES]}
    slot = {**_list_settings(Slot, SLOT_SETTINGS), "component": component, "options": OPTIONS, "wrappers": ENTRIES}
    optimizer = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/optimizer"}]}
    terms = {"type": "object", "additionalProperties": {"$ref": "#/$defs/term_or_weight"}}
    player = {
        **_list_settings(Player, [name for name in PLAYER_SETTINGS if name != "before"]),
        **_list_settings(Optimizer, OPTIMIZER_SETTINGS),
        "terms": terms,
        "optimizer": optimizer,
        "before": {"type": "string"},
    }
    special: dict[str, Any] = {
        "extends": {"type": "string"},
        "plan": {"type": "string"},
        "size": SIZE,
        "channels": {"type": "integer"},
        "image": {"$ref": "#/$defs/image"},
        "labels": LABELS,
        "domains": NAMES,
        "official": {"type": "boolean"},
        "lr": {"type": "number"},
        "style": {"type": ["integer", "string"]},
        "style_dim": {"type": "integer"},
        "schedule": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/schedule"}]},
        "ema": ema,
        "plan_options": {"type": "object"},
        "slots": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/slot"}]}},
        "terms": terms,
        "players": {"type": "object", "additionalProperties": {"anyOf": [{"const": "none"}, {"$ref": "#/$defs/player"}]}},
        "stages": {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"$ref": "#"}]}},
    }
    recipe = {**_list_settings(Recipe, [name for name in RECIPE_FIELDS if name != "plan"]), **special}
    assert set(recipe) == {"extends", *RECIPE_FIELDS, *OTHER_NAMES}, "a setting is missing in this file"
    known = {**read_docstring(Recipe).list_entries("Attributes"), **DESCRIPTIONS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recipe file of i2ikit",
        "type": "object",
        "properties": {name: {"description": known[name], **each} if name in known else each for name, each in sorted(recipe.items())},
        "additionalProperties": {"description": "A slot: its component, or the options of its component.", "type": ["string", "object"]},
        "$defs": {
            "slot": _make_object(Slot, slot),
            "term_or_weight": {"anyOf": [{"type": "number"}, {"type": "string"}, {"$ref": "#/$defs/term"}]},
            # What is no setting of a term is an option of its loss.
            "term": {**_make_object(Term, term), "additionalProperties": True},
            "player": _make_object(Player, player),
            "optimizer": _make_object(Optimizer),
            "schedule": _make_object(Schedule),
            "average": _make_object(Ema),
            "image": _make_object(ImageSpec),
        },
    }


def _make_object(kind: type, properties: dict[str, Any] | None = None) -> dict[str, Any]:
    known = {**DESCRIPTIONS, **read_docstring(Optimizer).list_entries("Attributes"), **read_docstring(kind).list_entries("Attributes")}
    listed = properties or _list_settings(kind, [each.name for each in fields(kind)])
    described = {name: {"description": known[name], **each} if name in known else each for name, each in sorted(listed.items())}
    return {"description": read_docstring(kind).paragraphs[0], "type": "object", "properties": described, "additionalProperties": False}


def _list_settings(kind: type, names: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: _describe_type(hints[name]) for name in names if name in hints}


def _describe_type(hint: Any) -> dict[str, Any]:
    """Return the schema of a type."""
    if hint in SIMPLE:
        return {"type": SIMPLE[hint]}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_describe_type(each) for each in get_args(hint) if each is not type(None)]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}
    if get_origin(hint) is tuple:
        items = _describe_type(get_args(hint)[0])
        return {"anyOf": [items, {"type": "array", "items": items}]} if get_args(hint)[0] is str else {"type": "array", "items": items}
    return {"type": "object"}


def write_schema() -> None:
    """Write the schema into its file."""
    FILE.write_text(json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_schema()
