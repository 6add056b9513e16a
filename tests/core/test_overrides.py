"""``Recipe.with_overrides``: the one editor of recipes, and its error messages."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from tiny_recipes import get_recipe

from i2ikit import Ema, Optimizer, Player, Schedule, Slot, Term, Translation
from i2ikit.errors import OptionError, UnknownNameError

CYCLEGAN = get_recipe("cyclegan")


def edge_loss(t: Translation) -> Any:
    return (t.fake - t.real).abs().mean()


REFINER = Player("refiner", ("generator",), {"edges": Term(edge_loss)})
GENERATOR = {"slots": {"generator": {"component": "pix2pix_unet"}}}


def test_one_name_may_be_given_as_text() -> None:
    assert Term("cycle_loss", updates="generator").updates == ("generator",)
    assert Term("cycle_loss", translations="forward").translations == ("forward",)
    assert Slot("unit_encoder", shared="latent").shared == ("latent",)


@pytest.mark.parametrize(
    "overrides", [{"generator": "pix2pix_unet"}, {"generator": Slot("pix2pix_unet")}, GENERATOR], ids=["name", "Slot", "component"]
)
def test_a_component_that_is_replaced_keeps_one_network_per_pair(overrides: dict[str, Any]) -> None:
    assert CYCLEGAN.with_overrides(**overrides).slots["generator"] == Slot("pix2pix_unet", per="pair")


def test_a_replaced_component_loses_its_options_and_weights() -> None:
    recipe = CYCLEGAN.with_overrides(slots={"generator": {"weights": "runs/a", "frozen": True}})
    assert recipe.with_overrides(generator="pix2pix_unet").slots["generator"] == Slot("pix2pix_unet", per="pair", frozen=True)


def test_per_is_removed_by_name() -> None:
    recipe = CYCLEGAN.with_overrides(generator="pix2pix_unet", slots={"generator": {"per": None, "options": {"width": 8}}})
    assert recipe.slots["generator"] == Slot("pix2pix_unet", {"width": 8})


@pytest.mark.parametrize("weights", ["runs/cats", "runs/cats:generator", "runs/cats:generator/dog"])
def test_a_folder_in_place_of_a_component_stays_until_its_component_is_read(weights: str) -> None:
    before = CYCLEGAN.slots["generator"]
    assert CYCLEGAN.with_overrides(generator=weights).slots["generator"] == evolve(before, component=weights, options={})


def test_a_mapping_changes_options_and_slots_changes_settings() -> None:
    before = CYCLEGAN.slots["generator"]
    changed = CYCLEGAN.with_overrides(generator={"width": 8}, slots={"generator": {"frozen": True}}).slots["generator"]
    assert changed == evolve(before, options={**before.options, "width": 8}, frozen=True)


def test_options_of_components_in_series_are_given_by_component() -> None:
    recipe = CYCLEGAN.with_overrides(conditioner=Slot(("a", "b")))
    changed = recipe.with_overrides(conditioner={"b": {"width": 8}})
    assert changed.slots["conditioner"].parts == (("a", {}), ("b", {"width": 8}))
    with pytest.raises(OptionError, match=r'in series \(a \+ b\).*conditioner=\{"a": \{\.\.\.\}\}; found \{"width": 8\}'):
        recipe.with_overrides(conditioner={"width": 8})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"generator": {"frozen": True}}, r'"frozen" is a setting .* Write slots=\{"generator": \{"frozen": True\}\}'),
        ({"generator": {"component": "a", "width": 8}}, r'Write generator=Slot\("a", \{.width.: 8\}\)'),
        ({"slots": {"generator": {"width": 8}}}, r'generator=\{"width": 8\}'),
        ({"slots": {"generator": {"frozn": True}}}, 'Did you mean "frozen"'),
        ({"slots": {"generater": {"frozen": True}}}, 'No slot is called "generater". Did you mean "generator"'),
        ({"width": 8}, r'size=\(height, width\).*generator=\{"width": 8\}'),
        ({"height": 8}, r"size=\(height, width\)"),
        ({"generater": {"width": 8}}, 'Did you mean "generator"'),
        ({"generator": 3}, 'Slot "generator" is set to 3; it must be a component name'),
        ({"terms": {"translator/cylce": 5.0}}, 'No term is called "translator/cylce". Did you mean "translator/cycle"'),
        ({"terms": {"refiner/edges": edge_loss}}, 'No term is called "refiner/edges"'),
        ({"terms": {"translator/cycle": {"options": 3}}}, '"options" of a term is 3; it must be a mapping'),
        ({"players": {"discriminater": {"lr": 1e-4}}}, 'Did you mean "discriminator".* To add it: players='),
        ({"players": {"discriminator": {"lrr": 1e-4}}}, 'No setting of a player is called "lrr". Did you mean "lr"'),
        ({"players": {"other": REFINER}}, 'is a player with the name "refiner"'),
        ({"players": {"refiner": {"trains": ("generator",), "before": "x"}}}, 'No player is called "x". Available: discriminator'),
        ({"players": {"translator": 3}}, 'Player "translator" is set to 3; it must be a mapping'),
        ({"ema": {"half_live": 3}}, 'Did you mean "half_life"'),
        ({"schedule": {"kind": "lineer"}}, 'Did you mean "linear"'),
    ],
)
def test_a_wrong_override_is_refused_with_the_right_form(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, UnknownNameError), match=message):
        CYCLEGAN.with_overrides(**overrides)


def test_a_function_is_a_new_term_of_weight_1() -> None:
    assert CYCLEGAN.with_overrides(terms={"translator/edges": edge_loss}).player("translator").terms["edges"] == Term(edge_loss)


def test_a_loss_is_exchanged_by_name_and_the_term_keeps_its_settings() -> None:
    recipe = CYCLEGAN.with_overrides(terms={"translator/cycle": {"weight": 3.0, "every": 2}})
    changed = recipe.with_overrides(terms={"translator/cycle": "identity_loss"})
    assert changed.player("translator").terms["cycle"] == Term("identity_loss", 3.0, every=2)


def test_a_function_in_place_of_a_term_is_a_term_of_weight_1() -> None:
    assert CYCLEGAN.with_overrides(terms={"translator/cycle": edge_loss}).player("translator").terms["cycle"] == Term(edge_loss)


def test_a_mapping_changes_settings_and_options_of_a_term() -> None:
    changed = CYCLEGAN.with_overrides(terms={"translator/cycle": {"every": 2, "squared": True, "options": {"view": "fake"}}})
    assert changed.player("translator").terms["cycle"] == Term("cycle_loss", 10.0, {"view": "fake", "squared": True}, every=2)


def test_the_weight_of_a_term_becomes_a_schedule_that_starts_at_the_weight() -> None:
    changed = CYCLEGAN.with_overrides(terms={"translator/cycle": {"weight": {"kind": "linear", "start": 0.0}}})
    assert changed.player("translator").terms["cycle"].weight == Schedule("linear", start=0.0, value=10.0)


def test_players_are_added_before_another_one_replaced_and_removed() -> None:
    def list_players(**players: Any) -> list[str]:
        return [player.name for player in CYCLEGAN.with_overrides(players=players).players]

    assert list_players(refiner=REFINER) == ["translator", "discriminator", "refiner"]
    new = {"trains": ("generator",), "terms": {"edges": edge_loss}, "before": "discriminator"}
    assert list_players(refiner=new) == ["translator", "refiner", "discriminator"]
    assert list_players(discriminator={"before": "translator"}) == ["discriminator", "translator"]
    assert list_players(discriminator=None) == ["translator"]
    replaced = CYCLEGAN.with_overrides(players={"translator": Player("translator", ("encoder",), {})})
    assert replaced.players[0] == Player("translator", ("encoder",), {})


def test_settings_of_the_optimizer_stand_among_those_of_the_player() -> None:
    before = CYCLEGAN.player("discriminator")
    changed = CYCLEGAN.with_overrides(players={"discriminator": {"lr": 1e-5, "every": 2}}).player("discriminator")
    assert changed == evolve(before, every=2, optimizer=evolve(before.optimizer, lr=1e-5))
    for optimizer in ("sgd", {"name": "sgd"}):
        found = CYCLEGAN.with_overrides(players={"discriminator": {"optimizer": optimizer}}).player("discriminator").optimizer
        assert found == evolve(before.optimizer, name="sgd")
    assert CYCLEGAN.with_overrides(players={"discriminator": {"optimizer": Optimizer()}}).players[1].optimizer == Optimizer()


def test_options_of_the_plan_are_changed_but_those_of_another_plan_are_new() -> None:
    recipe = get_recipe("bicyclegan")
    assert recipe.with_overrides(plan_options={"sample": False}).plan_options == {"style": 8, "sample": False}
    assert recipe.with_overrides(plan="paired", plan_options={"style": 4}).plan_options == {"style": 4}
    assert recipe.with_overrides(plan="paired").plan_options == {"style": 8}


def test_a_half_life_is_changed_by_name() -> None:
    recipe = CYCLEGAN.with_overrides(ema={"half_life": 500})
    assert recipe.ema == Ema(half_life=500)
    assert recipe.with_overrides(ema={"ramp": 0.05}).ema == Ema(half_life=500, ramp=0.05)
    assert recipe.with_overrides(ema=0.9).ema == 0.9


def test_a_removed_slot_leaves_its_players() -> None:
    assert CYCLEGAN.with_overrides(encoder=None).player("translator").trains == ("generator",)
