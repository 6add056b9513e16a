"""Slots and terms keep the options of their component apart from their settings."""

from __future__ import annotations

import shlex

import pytest
from attrs import evolve

from i2ikit import Ema, Optimizer, Player, Recipe, Schedule, Slot, Term, default_registry
from i2ikit.cli.settings import apply_settings, format_command
from i2ikit.core import recipe_json
from i2ikit.errors import OptionError


def make_recipe(slot: Slot, term: Term) -> Recipe:
    return Recipe("a", {"generator": slot}, "labelled", (Player("translator", ("generator",), {"l1": term}),))


def test_options_of_a_slot_are_apart_from_its_settings() -> None:
    slot = Slot("munit_decoder", {"frozen": 3, "width": 8}, frozen=True)
    assert slot.options == {"frozen": 3, "width": 8}
    assert slot.frozen is True


def test_an_option_as_a_keyword_is_refused_with_the_right_form() -> None:
    with pytest.raises(OptionError, match=r'options go into the second argument: Slot\("munit_decoder", \{"width": 8\}\)'):
        Slot("munit_decoder", width=8)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r'Term\("cycle_loss", options=\{"squared": True\}\)'):
        Term("cycle_loss", squared=True)  # type: ignore[arg-type]


def test_a_misspelled_setting_is_corrected() -> None:
    with pytest.raises(OptionError, match='Did you mean "wrappers"'):
        Slot("munit_decoder", wrapers=("diff_augment",))  # type: ignore[arg-type]


def test_a_slot_holds_components_in_series() -> None:
    slot = Slot(("a", ("b", {"width": 8})))
    assert slot.parts == (("a", {}), ("b", {"width": 8}))
    assert slot.title == "a + b"
    assert evolve(slot, frozen=True).parts == slot.parts


def test_components_in_series_have_their_own_options() -> None:
    with pytest.raises(OptionError, match=r"a \+ b.*each\s+component in its entry"):
        Slot(("a", "b"), {"width": 8})


def test_a_wrapper_is_a_name_or_a_pair() -> None:
    assert Slot("a", wrappers="w").wrappers == (("w", {}),)
    assert Slot("a", wrappers=("v", ("w", {"p": 1}))).wrappers == (("v", {}), ("w", {"p": 1}))
    with pytest.raises(OptionError, match=r"contains \{'p': 1\}.*a pair of a name and its options"):
        Slot("a", wrappers=("w", {"p": 1}))  # type: ignore[arg-type]


def test_stored_recipes_keep_series_wrappers_weights_and_changing_weights() -> None:
    slot = Slot(("a", ("b", {"sizes": (1, 2)})), weights="runs/a:generator", wrappers=("v", ("w", {"p": 1})))
    recipe = make_recipe(slot, Term("l1_loss", Schedule("linear", start=0, value=2.0), {"margin": 1}))
    data = recipe_json.dump(recipe)
    assert data["slots"]["generator"]["component"] == [["a", {}], ["b", {"sizes": [1, 2]}]]
    assert recipe_json.restore(data) == recipe


def test_stored_recipes_keep_a_half_life_and_lazy_terms() -> None:
    slots, players = {"generator": Slot("a")}, (Player("refiner", ("generator",), {}, optimizer=Optimizer(lazy=True)),)
    recipe = Recipe("a", slots, "labelled", players, ema=Ema(half_life=500, ramp=0.05))
    assert recipe_json.restore(recipe_json.dump(recipe)) == recipe


def test_settings_of_earlier_versions_are_stored_as_before() -> None:
    data = recipe_json.dump(make_recipe(Slot("a"), Term("l1_loss")))
    assert not {"weights", "wrappers"} & data["slots"]["generator"].keys()
    assert "value" not in data["schedule"]
    assert "lazy" not in data["players"][0]["optimizer"]
    assert data["ema"] == 0.0


def test_a_weight_follows_its_schedule() -> None:
    term = Term("l1_loss", Schedule("linear", start=0.5, value=2.0))
    assert [term.get_weight(done, 100) for done in (0, 50, 75, 100)] == [2.0, 2.0, 1.0, 0.0]
    assert Term("l1_loss", 3.0).get_weight(75, 100) == 3.0


def test_a_command_with_components_in_series_gives_the_same_slot() -> None:
    recipe = default_registry().recipe("stargan").with_overrides(conditioner=Slot(("a", ("b", {"width": 8}))))
    [setting] = [word for word in shlex.split(format_command(recipe, default_registry())) if word.startswith("conditioner=")]
    assert apply_settings(default_registry().recipe("stargan"), [setting]).slots["conditioner"] == recipe.slots["conditioner"]


def test_the_text_of_settings_has_only_what_differs_from_the_defaults() -> None:
    assert repr(Slot("patch_discriminator", {"width": 8}, wrappers=["diff_augment"])) == (
        "Slot('patch_discriminator', options={'width': 8}, wrappers=(('diff_augment', {}),))"
    )
    player = Player("translator", ("generator",), {"l1": Term("l1_loss", Schedule("constant", value=2.0))}, optimizer=Optimizer(lr=1e-3))
    assert repr(player) == (
        "Player('translator', ('generator',), {'l1': Term('l1_loss', weight=Schedule(kind='constant', value=2.0))}, "
        "optimizer=Optimizer(lr=0.001))"
    )
    assert (
        repr(Recipe("r", {}, "images", (Player("p", (), {}),), flip=False))
        == "Recipe('r', {}, 'images', (Player('p', (), {}),), flip=False)"
    )
