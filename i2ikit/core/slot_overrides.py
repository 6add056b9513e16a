"""Overrides of slots: components, their options, and settings. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from i2ikit.core.short_repr import shorten
from i2ikit.core.slot import SLOT_SETTINGS, STAGE, Slot, to_options
from i2ikit.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.recipe import Recipe

SAVED_FILES = ("run.json", "config.json")  # in the folder of a run, of a model


def override_slots(recipe: Recipe, components: Mapping[str, Any], settings: Mapping[str, Any]) -> Recipe:
    """Return a recipe with overrides of its slots.

    Components are replaced first, then settings and options are changed.

    Args:
        recipe: The recipe.
        components: For each slot a component name, a :class:`Slot`, None, or a mapping of options.
        settings: For each slot one of these, or a mapping of its settings, which may contain ``component`` and ``options``.

    Raises:
        UnknownNameError: There is no such slot or setting.
        OptionError: A value is not allowed.
    """
    slots: dict[str, Slot | None] = dict(recipe.slots)
    for overrides in (components, settings):
        for name, value in overrides.items():
            if not isinstance(value, Mapping):
                slots[name] = _replace_component(name, slots.get(name), value)
    for name, value in settings.items():
        if isinstance(value, Mapping):
            slots[name] = _override_settings(name, slots.get(name), value, recipe)
    for name, value in components.items():
        if isinstance(value, Mapping):
            slots[name] = _override_options(name, slots.get(name), value)
    kept = {name: slot for name, slot in slots.items() if slot is not None}
    removed = set(recipe.slots) - set(kept)
    players = tuple(evolve(p, trains=tuple(slot for slot in p.trains if slot not in removed)) for p in recipe.players)
    return evolve(recipe, slots=kept, players=players)


def _replace_component(name: str, slot: Slot | None, value: Any) -> Slot | None:
    """Return a slot with another component. It stays one network per domain or pair, and keeps its role."""
    if value is None:
        return None
    if isinstance(value, Slot):
        return value if slot is None else evolve(value, per=value.per or slot.per, role=value.role or slot.role)
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, (str, tuple, list)):
        component = value if isinstance(value, str) else tuple(value)
        # The weights belong to the component that is replaced.
        return Slot(component) if slot is None else evolve(slot, component=component, options={}, weights="")
    raise OptionError(
        f'Slot "{name}" is set to {shorten(value)}; it must be a component name, a mapping of options, a Slot, or None to remove the slot.'
    )


def is_saved(text: str) -> bool:
    """Return whether a text is the place of weights, such as ``runs/gan:generator``, and not the name of a component."""
    if text.startswith(STAGE):
        return True
    folder = Path(text.partition(":")[0])
    return "/" in text or "\\" in text or any((folder / file).is_file() for file in SAVED_FILES)


def _override_settings(name: str, slot: Slot | None, value: Mapping[str, Any], recipe: Recipe) -> Slot:
    for key in value:
        if key not in ("component", "options", *SLOT_SETTINGS):
            if slot is not None and key in slot.options:
                raise OptionError(f'"{key}" is an option of "{slot.title}". {_describe_form(name, key, value)}')
            raise UnknownNameError(
                "setting of a slot", key, ("component", "options", *SLOT_SETTINGS), note=_describe_form(name, key, value)
            )
    own = dict(value)
    if slot is None:
        if "component" not in own:
            note = f'To add it, name its component: slots={{"{name}": {{"component": "COMPONENT"}}}}.'
            raise UnknownNameError("slot", name, recipe.slots, note=note)
        return Slot(own.pop("component"), **own)
    if "component" in own:
        slot = _replace_component(name, slot, own.pop("component"))
    if slot is None:
        raise OptionError(f'Slot "{name}" is set to {{"component": None}}. To remove the slot, write {name}=None.')
    options = to_options(own.pop("options", {}), "slot")
    return _override_options(name, evolve(slot, **own), options, checked=True) if options else evolve(slot, **own)


def _override_options(name: str, slot: Slot | None, value: Mapping[str, Any], checked: bool = False) -> Slot:
    """Return a slot with other options of its component; of components in series, by component.

    Args:
        name: The name of the slot.
        slot: The slot.
        value: The options.
        checked: Whether all keys are options, even those with the name of a setting.
    """
    if slot is None:
        raise OptionError(f'Slot "{name}" has no component. Name it: {name}=Slot("COMPONENT", {dict(value)!r}).')
    for key in () if checked else value:
        if key in ("component", "options", *SLOT_SETTINGS) and key not in slot.options:
            raise OptionError(f'"{key}" is a setting of slot "{name}", not an option of "{slot.title}". {_describe_form(name, key, value)}')
    if isinstance(slot.component, str):
        return evolve(slot, options={**slot.options, **value})
    names = [each for each, _ in slot.parts]
    for key, options in value.items():
        if key not in names or not isinstance(options, Mapping):
            raise OptionError(
                f'Slot "{name}" has components in series ({slot.title}), so its options are given by component: '
                f'{name}={{"{names[0]}": {{...}}}}; found {{"{key}": {shorten(options)}}}.'
            )
    return evolve(slot, component=tuple((each, {**options, **value.get(each, {})}) for each, options in slot.parts))


def _describe_form(name: str, key: str, value: Mapping[str, Any]) -> str:
    """Return how a key is written that was given in the wrong place."""
    if key == "component":
        options = {each: option for each, option in value.items() if each != "component"}
        return f'Write {name}=Slot("{value[key]}"{f", {shorten(options)}" if options else ""}).'
    if key in SLOT_SETTINGS or key == "options":
        return f'Write slots={{"{name}": {{"{key}": {value[key]!r}}}}}; on the command line, slots.{name}.{key}=VALUE.'
    return f'Options of its component are written {name}={{"{key}": {value[key]!r}}}; on the command line, {name}.{key}=VALUE.'
