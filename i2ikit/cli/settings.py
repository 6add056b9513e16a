"""``--set KEY=VALUE``: overrides of a recipe from the command line. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import SLOT_SETTINGS, Slot
from i2ikit.core.training import Optimizer
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry


def parse_overrides(settings: Iterable[str], recipe: Recipe) -> dict[str, Any]:
    """Parse the texts of ``--set`` into overrides for :func:`i2ikit.build`.

    Args:
        settings: One ``KEY=VALUE`` text for each override:

            - ``"generator.width=32"``: an option of the component in the slot "generator";
            - ``"generator=pix2pix_unet"``: another component for this slot;
            - ``"slots.generator.frozen=true"``: a setting of the slot, one of role, per, shared and frozen;
            - ``"terms.translator/cycle=5"``: the weight of a loss term;
            - ``"terms.discriminator/penalty.eps=1e-8"``: an option of the loss;
            - ``"players.translator.lr=1e-4"``, ``"players.discriminator.every=2"``: a setting of a player or its optimizer;
            - ``"schedule.kind=constant"``, ``"batch=8"``: a setting of the recipe.
        recipe: The recipe to which the overrides apply.

    Raises:
        OptionError: A text has no ``=``, or the setting of a player or a slot is not written as ``players.NAME.SETTING`` or
            ``slots.NAME.SETTING``.
        UnknownNameError: The recipe has no such slot, or a slot has no such setting.
    """
    found: dict[str, Any] = {}
    players = [player.name for player in recipe.players]
    for text in settings:
        path, equals, value_text = text.partition("=")
        if not equals or not path.strip():
            raise OptionError(
                f'--set "{text}" is not of the form KEY=VALUE. Write, for example, --set generator.width=32, '
                "--set terms.translator/cycle=5 or --set players.translator.lr=1e-4."
            )
        value, (first, *rest) = _parse_value(value_text), path.strip().split(".", 1)
        if first == "players" and rest:
            first, *rest = rest[0].split(".", 1)
            if not rest:
                raise OptionError(f'--set "{text}" names no setting of this player. Write, for example, --set players.{first}.lr=1e-4.')
            _set_player(found.setdefault("players", {}).setdefault(first, {}), rest[0], value)
        elif first in players and rest and _is_player_setting(rest[0], first in recipe.slots):
            raise OptionError(f'--set "{text}": "{rest[0]}" is a setting of the player "{first}". Write --set players.{text.strip()}.')
        elif first == "slots" and rest:
            name, _, setting = rest[0].partition(".")
            _set_slot(found, recipe, name, setting, value)
        elif first in recipe.slots and rest and rest[0] in SLOT_SETTINGS:
            raise OptionError(f'--set "{text}": "{rest[0]}" is a setting of the slot "{first}". Write --set slots.{text.strip()}.')
        elif first == "terms" and rest:
            term, _, option = rest[0].partition(".")
            _set_nested(found.setdefault("terms", {}), term, option, value)
        elif first in recipe.slots and not rest:
            slot, given = recipe.slots[first], found.get(first)
            own = {"role": slot.role, "per": slot.per, **(given if isinstance(given, dict) else {})}
            found[first] = None if value is None else Slot(str(value), **own)
        elif rest and isinstance(found.get(first), Slot):
            found[first] = evolve(found[first], options={**found[first].options, rest[0]: value})
        else:
            _set_nested(found, first, rest[0] if rest else "", value)
    return found


def format_command(recipe: Recipe, registry: Registry) -> str:
    """Return a sentence with the command that builds the networks of a recipe: ``i2ikit train cyclegan --set generator.width=8``.

    Args:
        recipe: The recipe, with overrides.
        registry: Registry with the recipe of that name. The command leaves out the values that this recipe has.
    """
    known = registry.recipe(recipe.name) if recipe.name in registry.recipes() else None
    words = [recipe.name]
    for name, slot in recipe.slots.items():
        default = known.slots.get(name) if known else None
        if default is None or default.title != slot.title:
            words.append(f"--set {name}={slot.title}")
        options = dict(default.options) if default and default.title == slot.title else {}
        changed = {key: value for key, value in slot.options.items() if key not in options or options[key] != value}
        words += [f"--set {name}.{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changed.items()]
    return f"To build the networks of this checkpoint: i2ikit train {' '.join(words)}"


def merge_overrides(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Merge two overrides. If both set the same key, the second one wins."""
    merged = dict(first)
    for key, value in second.items():
        previous = merged.get(key)
        merged[key] = merge_overrides(previous, value) if isinstance(previous, dict) and isinstance(value, dict) else value
    return merged


def _is_player_setting(setting: str, has_slot: bool) -> bool:
    """Return whether a setting belongs to a player. If a slot has the same name, options of its component take precedence."""
    return not has_slot or setting.partition(".")[0] in {"lr", "betas", "weight_decay", "clip", "every", "pool", "trains", "optimizer"}


def _set_player(overrides: dict[str, Any], name: str, value: Any) -> None:
    name = name.removeprefix("optimizer.")
    if name in [each.name for each in fields(Optimizer) if each.name != "name"] or name == "optimizer":
        overrides.setdefault("optimizer", {})["name" if name == "optimizer" else name] = value
    else:
        overrides[name] = value


def _set_slot(found: dict[str, Any], recipe: Recipe, name: str, setting: str, value: Any) -> None:
    if name not in recipe.slots:
        raise UnknownNameError("slot", name, recipe.slots)
    if setting not in SLOT_SETTINGS:
        raise UnknownNameError("setting of a slot", setting, SLOT_SETTINGS)
    if isinstance(found.get(name), Slot):
        found[name] = evolve(found[name], **{setting: value})
    else:
        _set_nested(found, name, setting, value)


def _set_nested(found: dict[str, Any], name: str, option: str, value: Any) -> None:
    if not option:
        found[name] = value
    elif isinstance(found.get(name, {}), dict):
        found.setdefault(name, {})[option] = value
    else:
        found[name] = {"weight": found[name], option: value}


def _parse_value(text: str) -> Any:
    words = {"true": True, "false": False, "yes": True, "no": False, "none": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        value = json.loads(text)
    except ValueError:
        try:
            return float(text)  # such as .5, which JSON does not accept
        except ValueError:
            return text
    return tuple(value) if isinstance(value, list) else value
