"""``--set slot.option=value``: changes to a recipe as they are typed. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import fields

from i2ikit.core.recipe import Optimizer, Recipe, Slot
from i2ikit.errors import OptionError

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry


def changes(settings: Iterable[str], recipe: Recipe) -> dict[str, Any]:
    """Return changes as :func:`i2ikit.build` takes them.

    Args:
        settings: ``"generator.width=32"`` (an option of a slot), ``"generator=unet"`` (another component), ``"terms.translator/cycle=5"``
            (a weight), ``"terms.discriminator/penalty.eps=1e-8"`` (an option of a loss), ``"players.translator.lr=1e-4"`` or
            ``"players.discriminator.every=2"`` (a player or its optimizer), ``"schedule.kind=constant"``, ``"batch=8"``.
        recipe: What is changed.

    Raises:
        OptionError: A text without ``=``, or a setting of a player that is not written ``players.NAME.SETTING``.
    """
    found: dict[str, Any] = {}
    players = [player.name for player in recipe.players]
    for text in settings:
        path, equals, typed = text.partition("=")
        if not equals or not path.strip():
            raise OptionError(
                f"--set {text} is no setting. Write --set generator.width=32, --set terms.translator/cycle=5 or --set players.translator.lr=1e-4."
            )
        value, (first, *rest) = _value(typed), path.strip().split(".", 1)
        if first == "players" and rest:
            first, *rest = rest[0].split(".", 1)
            if not rest:
                raise OptionError(f"--set {text} names no setting of the player. Write --set players.{first}.lr=1e-4.")
            _player(found.setdefault("players", {}).setdefault(first, {}), rest[0], value)
        elif first in players and rest and _is_of_player(rest[0], first in recipe.slots):
            raise OptionError(f'"{rest[0]}" is a setting of the player "{first}". Write --set players.{text.strip()}.')
        elif first == "terms" and rest:
            term, _, option = rest[0].partition(".")
            _inside(found.setdefault("terms", {}), term, option, value)
        elif first in recipe.slots and not rest:
            options = found.get(first, {})
            found[first] = (
                None if value is None else Slot(str(value), role=recipe.slots[first].role, per=recipe.slots[first].per, **options)
            )
        elif rest and isinstance(found.get(first), Slot):
            found[first] = found[first].with_options(**{rest[0]: value})
        else:
            _inside(found, first, rest[0] if rest else "", value)
    return found


def as_typed(recipe: Recipe, registry: Registry) -> str:
    """Say what is typed for a recipe's networks: ``i2ikit train cyclegan --set generator.width=8``.

    Args:
        recipe: What was built.
        registry: Where the recipe of that name is looked up, whose values need not be typed.
    """
    known = registry.recipe(recipe.name) if recipe.name in registry.recipes() else None
    words = [recipe.name]
    for name, slot in recipe.slots.items():
        default = known.slots.get(name) if known else None
        if default is None or default.component != slot.component:
            words.append(f"--set {name}={slot.component}")
        options = dict(default.options) if default and default.component == slot.component else {}
        changed = {key: value for key, value in slot.options.items() if key not in options or options[key] != value}
        words += [f"--set {name}.{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changed.items()]
    return f"Its own networks are built by: i2ikit train {' '.join(words)}"


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both changes, the second one's where they meet."""
    both = dict(first)
    for key, value in second.items():
        mine = both.get(key)
        both[key] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return both


def _is_of_player(setting: str, has_slot: bool) -> bool:
    """Tell whether a setting is a player's; where a slot has the player's name, the options of its component come first."""
    return not has_slot or setting.partition(".")[0] in {"lr", "betas", "weight_decay", "clip", "every", "pool", "trains", "optimizer"}


def _player(changes: dict[str, Any], name: str, value: Any) -> None:
    name = name.removeprefix("optimizer.")
    if name in [each.name for each in fields(Optimizer) if each.name != "name"] or name == "optimizer":
        changes.setdefault("optimizer", {})["name" if name == "optimizer" else name] = value
    else:
        changes[name] = value


def _inside(found: dict[str, Any], name: str, option: str, value: Any) -> None:
    if not option:
        found[name] = value
    elif isinstance(found.get(name, {}), dict):
        found.setdefault(name, {})[option] = value
    else:
        found[name] = {"weight": found[name], option: value}


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "yes": True, "no": False, "none": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        value = json.loads(text)
    except ValueError:
        try:
            return float(text)  # 1e-4 without a point and the like
        except ValueError:
            return text
    return tuple(value) if isinstance(value, list) else value
