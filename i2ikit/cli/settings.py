"""``--set KEY=VALUE``: overrides of a recipe from the command line. Imports no torch."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from i2ikit.core.recipe import Recipe
from i2ikit.core.slot import SLOT_SETTINGS
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.train.options import list_options

if TYPE_CHECKING:
    from i2ikit.core.registry import Registry

# Options of the command line, and the settings of --set that answer the same question; "*" stands for any name.
TWINS: dict[str, tuple[str, ...]] = {
    "size": ("size", "image", "image.height", "image.width", "height", "width"),
    "channels": ("channels", "image", "image.channels"),
    "source_channels": ("source_channels",),
    "source_content": ("source_content",),
    "steps": ("steps",),
    "minutes": ("steps",),
    "batch": ("batch",),
    "lr": ("lr", "players.*.lr", "players.*.optimizer.lr"),
    "ema": ("ema", "ema.*"),
    "labels": ("labels", "labels.*", "domains", "domains.*"),
    "official": ("official",),
}


OF_THE_TRAINING = {each.name for each in list_options() if each.metadata["has_flag"]}
"""Options of the training, which ``--set`` does not change."""


def apply_settings(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return a recipe with the overrides in the texts of ``--set``, applied one after the other by :meth:`Recipe.with_overrides`.

    Args:
        recipe: The recipe.
        settings: One ``KEY=VALUE`` text for each override:

            - ``"generator.width=32"``: an option of the component in the slot "generator";
            - ``"generator=pix2pix_unet"``: another component for this slot;
            - ``"slots.generator.frozen=true"``, ``"slots.generator.weights=runs/gan"``: a setting of the slot;
            - ``"terms.translator/cycle=5"``: the weight of a loss term;
            - ``"terms.discriminator/penalty.eps=1e-8"``: a setting of the term, or an option of the loss;
            - ``"players.translator.lr=1e-4"``, ``"players.discriminator.every=2"``: a setting of a player or its optimizer;
            - ``"stages.gan.steps=5000"``: any of these of a stage before the recipe;
            - ``"schedule.kind=constant"``, ``"batch=8"``: a setting of the recipe.

    Raises:
        OptionError: A text has no ``=``, or a setting is not written in the form above.
        UnknownNameError: The recipe has nothing with that name.
    """
    for text in settings:
        recipe = recipe.with_overrides(**_parse_override(text, recipe))
    return recipe


def _parse_override(text: str, recipe: Recipe) -> dict[str, Any]:
    """Return the override that a text stands for."""
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise OptionError(
            f'--set "{text}" is not of the form KEY=VALUE. Write, for example, --set generator.width=32, '
            "--set terms.translator/cycle=5 or --set players.translator.lr=1e-4."
        )
    players = [player.name for player in recipe.players]
    tables = {"players": players, "slots": list(recipe.slots), "terms": [f"{p.name}/{term}" for p in recipe.players for term in p.terms]}
    first, rest = _split_name(path, recipe.slots)
    if first in players and rest and _is_player_setting(rest, first in recipe.slots):
        raise OptionError(f'--set "{text}": "{rest}" is a setting of the player "{first}". Write --set players.{text.strip()}.')
    if first in recipe.slots and rest in SLOT_SETTINGS and rest not in recipe.slots[first].options:
        raise OptionError(f'--set "{text}": "{rest}" is a setting of the slot "{first}". Write --set slots.{text.strip()}.')
    if not rest and first in (OF_THE_TRAINING - {"steps", "batch"}):
        flag = f"--{first.replace('_', '-')}"
        raise OptionError(f'--set "{text}": "{first}" is an option of the training, not of the recipe. Write {flag} {value.strip()}.')
    if first == "stages" and "." in rest:
        stage, setting = _split_name(rest, recipe.stages)
        if stage not in recipe.stages:
            raise UnknownNameError("stage", stage, recipe.stages)
        return {"stages": {stage: _parse_override(f"{setting}={value}", recipe.stages[stage])}}
    if first in tables and rest:
        name, setting = _split_name(rest, tables[first])
        if not setting and first == "players" and value.strip().lower() != "none":
            raise OptionError(f'--set "{text}" names no setting of this player. Write, for example, --set players.{name}.lr=1e-4.')
        keys = [first, name, *filter(None, setting.split("."))]
    else:
        keys = [first, *filter(None, rest.split("."))]
    found: Any = _parse_value(value)
    for key in reversed(keys):
        found = {key: found}
    return dict(found)


def refuse_double_answers(given: Mapping[str, Any]) -> None:
    """Raise OptionError if ``--set`` answers a question that an option, or another ``--set``, answers too."""
    keys = _list_keys(given["sets"])
    for key in keys:
        if keys.count(key) > 1:
            raise OptionError(f"--set {key} is given {keys.count(key)} times. Give it once.")
    for name in TWINS:
        if given.get(name) not in (None, (), False) and (both := find_twins(name, given["sets"])):
            raise OptionError(f"Both --{name.replace('_', '-')} and --set {both[0]} are given. Give only one of them.")


def find_twins(option: str, settings: Iterable[str]) -> list[str]:
    """Return the keys of ``--set`` that answer the same question as an option."""
    return [key for key in _list_keys(settings) if any(fnmatchcase(key, twin) for twin in TWINS[option])]


def _list_keys(settings: Iterable[str]) -> list[str]:
    """Return what the texts of ``--set`` set, such as ``players.translator.lr``; that of a mapping by its keys."""
    found = []
    for text in settings:
        path, _, value = text.partition("=")
        parsed = _parse_value(value)
        keys = [f".{key}" for key in parsed] if isinstance(parsed, dict) and parsed else [""]
        found += [f"{path.strip()}{key}" for key in keys]
    return found


def _split_name(path: str, known: Iterable[str]) -> tuple[str, str]:
    """Split a path after its first name; a known name may contain dots."""
    name = max((name for name in known if f"{path}.".startswith(f"{name}.")), key=len, default=path.partition(".")[0])
    return name, path[len(name) + 1 :]


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
        if default is None or default.component != slot.component:
            words.append(f"--set {name}={slot.component if isinstance(slot.component, str) else shlex.quote(json.dumps(slot.component))}")
        options = dict(default.options) if default and default.component == slot.component else {}
        changed = {key: value for key, value in slot.options.items() if key not in options or options[key] != value}
        words += [f"--set {name}.{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changed.items()]
    return f"To build the networks of this checkpoint: i2ikit train {' '.join(words)}"


def _is_player_setting(setting: str, has_slot: bool) -> bool:
    """Return whether a setting belongs to a player. If a slot has the same name, options of its component take precedence."""
    return not has_slot or setting.partition(".")[0] in {"lr", "betas", "weight_decay", "clip", "every", "pool", "trains", "optimizer"}


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
