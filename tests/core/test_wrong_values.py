"""Every override with values of every type is refused in one line, or gives a recipe that can be saved. Nothing raises another error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from i2ikit import build, default_registry
from i2ikit.core import recipe_json
from i2ikit.core.overrides import OTHER_NAMES, RECIPE_FIELDS
from i2ikit.core.player_overrides import OPTIMIZER_SETTINGS, PLAYER_SETTINGS
from i2ikit.core.slot import SLOT_SETTINGS, TERM_SETTINGS
from i2ikit.errors import BuildError, I2IKitError, OptionError, UnknownNameError

VALUES: tuple[Any, ...] = (
    None, 0, -1, 3, 0.5, float("nan"), True, "", "x", "none", "a/b", (), (1, 2), ["x"], [None], {}, {"x": 1}, {1: 2},
    {"x": {"y": {"z": 1}}}, [{"a": 1}], b"x", object,
)  # fmt: skip
START = default_registry().recipe("cyclegan").with_overrides(
    size=16, labels=("a", "b"), generator={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 1}
)  # fmt: skip
IN_TABLES = {
    "slots": {"generator": ("component", "options", *SLOT_SETTINGS), "new": ()},
    "terms": {"translator/cycle": ("loss", "options", *TERM_SETTINGS), "translator/new": ()},
    "players": {"translator": (*PLAYER_SETTINGS, *OPTIMIZER_SETTINGS), "new": ()},
}
IN_CLASSES = {
    "schedule": ("kind", "start", "every", "gamma", "value"),
    "ema": ("half_life", "ramp"),
    "image": ("height", "width", "channels", "content"),
}


def list_overrides(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every override, set to a value."""
    for name in (*RECIPE_FIELDS, *OTHER_NAMES, *START.slots):
        yield {name: value}
    for table, owners in IN_TABLES.items():
        for owner, settings in owners.items():
            yield {table: {owner: value}}
            for setting in settings:
                yield {table: {owner: {setting: value}}}
    for name, settings in IN_CLASSES.items():
        for setting in settings:
            yield {name: {setting: value}}
    for setting in IN_CLASSES["schedule"]:
        yield {"terms": {"translator/cycle": {"weight": {setting: value}}}}
    for setting in ("name", *OPTIMIZER_SETTINGS):
        yield {"players": {"translator": {"optimizer": {setting: value}}}}


def find_fault(overrides: dict[str, Any]) -> str:
    """Return what is wrong with how an override is treated; empty if it is refused in one line, or gives a recipe that can be saved."""
    try:
        recipe = START.with_overrides(**overrides)
        if "official" not in overrides and "steps" not in overrides:
            recipe = build(recipe, rehearsal=False).recipe
        recipe_json.restore(json.loads(json.dumps(recipe_json.dump(recipe))))
    except BuildError as error:
        return "several lines" if any("\n" in problem for problem in error.problems) else ""
    except I2IKitError as error:
        return "several lines" if "\n" in str(error) else ""
    except Exception as error:  # noqa: BLE001 - any other error is the fault
        return repr(error)
    return ""


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.filterwarnings("ignore:Term .* is the Python function")
def test_any_value_of_any_override_is_refused_in_one_line_or_can_be_saved(value: Any) -> None:
    faults = [(overrides, fault) for overrides in list_overrides(value) if (fault := find_fault(overrides))]
    assert not faults


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"name": 3}, '"name" of the recipe is 3; it must be a text'),
        ({"plan": ()}, r'"plan" of the recipe is \(\); it must be the name of a plan'),
        ({"official": "x"}, "\"official\" is 'x'; it must be True or False"),
        ({"ema": {"half_life": 0}}, '"half_life" of the average is 0; it must be a number above 0'),
        ({"terms": {1: 2}}, r'"terms" is \{1: 2\}; it must be a mapping from names'),
        ({"terms": {"translator/cycle": {"updates": 3}}}, '"updates" of a term is 3; it must be a name, or several names'),
        ({"terms": {"translator/cycle": {"turn": 3}}}, '"turn" of a term is 3; it must be a text'),
        ({"slots": {"generator": {"options": 3}}}, '"options" of a slot is 3; it must be a mapping'),
        ({"slots": {"generator": {"component": None}}}, "To remove the slot, write generator=None"),
        ({"slots": {"generator": {"shared": (1, 2)}}}, r'"shared" of a slot is \(1, 2\); it must be a name'),
        ({"slots": {"generator": {"input": ["x"]}}}, r'"input" of a slot is \[\'x\'\]; it must be a text'),
        ({"players": {"translator": {"before": ""}}}, 'No player is called ""'),
        ({"players": {"new": {"trains": ("generator",), "terms": 3}}}, '"terms" of player "new" is 3'),
    ],
)
def test_a_wrong_value_is_named(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, UnknownNameError), match=message):
        START.with_overrides(**overrides)


def test_a_negative_width_of_the_style_is_refused() -> None:
    with pytest.raises(BuildError, match='"style" is -1; it must be the width of the sampled styles'):
        build(START, style=-1)
