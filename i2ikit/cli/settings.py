"""``--set slot.option=value``: changes to a recipe as they are typed. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import fields

from i2ikit.core.recipe import Optimizer, Recipe, Slot
from i2ikit.errors import OptionError


def changes(settings: Iterable[str], recipe: Recipe) -> dict[str, Any]:
    """Return changes as :func:`i2ikit.build` takes them.

    Args:
        settings: ``"generator.width=32"`` (an option of a slot), ``"generator=unet"`` (another component), ``"terms.translator/cycle=5"``
            (a weight), ``"terms.critic/penalty.eps=1e-8"`` (an option of a loss), ``"translator.lr=1e-4"`` or ``"critic.every=2"``
            (a player or its optimizer), ``"schedule.kind=constant"``, ``"batch=8"``.
        recipe: What is changed.

    Raises:
        OptionError: A text without ``=``.
    """
    found: dict[str, Any] = {}
    players = [player.name for player in recipe.players]
    for text in settings:
        path, equals, typed = text.partition("=")
        if not equals or not path.strip():
            raise OptionError(
                f"--set {text} is no setting. Write --set generator.width=32, --set terms.translator/cycle=5 or --set translator.lr=1e-4."
            )
        value, (first, *rest) = _value(typed), path.strip().split(".", 1)
        if first == "players" and rest:
            first, *rest = rest[0].split(".", 1)
        if first == "terms" and rest:
            term, _, option = rest[0].partition(".")
            _inside(found.setdefault("terms", {}), term, option, value)
        elif first in players and rest:
            _player(found.setdefault("players", {}).setdefault(first, {}), rest[0], value)
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


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both changes, the second one's where they meet."""
    both = dict(first)
    for key, value in second.items():
        mine = both.get(key)
        both[key] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return both


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
