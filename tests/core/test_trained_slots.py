"""Slots whose networks come from a run or a saved model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from i2ikit import Model, Slot, build, load
from i2ikit.errors import BuildError

MUNIT: dict[str, Any] = {
    "size": 16,
    "encoder": {"width": 4, "blocks": 1},
    "generator": {"blocks": 1, "hidden": 8},
    "discriminator": {"width": 4, "depth": 2, "scales": 1},
}


def build_munit(**overrides: Any) -> Model:
    return build("munit", **{"domains": ("cat", "dog"), **MUNIT, **overrides})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_munit(seed=5).save(tmp_path_factory.mktemp("runs") / "cats")


def is_equal(one: nn.Module, other: nn.Module) -> bool:
    states = one.state_dict(), other.state_dict()
    return list(states[0]) == list(states[1]) and all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))


def test_a_slot_takes_the_weights_of_a_saved_model_and_no_player_trains_it_if_it_is_frozen(saved: Path) -> None:
    model = build_munit(slots={"generator": {"weights": str(saved), "frozen": True}})
    assert is_equal(model.generator, load(saved).generator)
    assert not is_equal(model.encoder, load(saved).encoder)
    assert [player.trains for player in model.recipe.players] == [("discriminator",), ("encoder",)]
    before = [weight.clone() for weight in model.generator.parameters()]
    model.step(model.example_batch(2))
    assert all(torch.equal(a, b) for a, b in zip(before, model.generator.parameters(), strict=True))


def test_a_trained_slot_that_is_not_frozen_is_trained_further(saved: Path) -> None:
    model = build_munit(slots={"generator": {"weights": str(saved)}})
    model.step(model.example_batch(2))
    assert not is_equal(model.generator, load(saved).generator)


def test_a_folder_in_place_of_a_component_brings_component_and_options(saved: Path) -> None:
    model = build_munit(generator=str(saved))
    slot = model.recipe.slots["generator"]
    assert (slot.component, slot.weights, slot.per) == ("munit_adain_decoder", str(saved), "domain")
    assert slot.options["hidden"] == 8
    assert is_equal(model.generator, load(saved).generator)


def test_one_network_of_a_slot_serves_a_slot_with_one_network(saved: Path) -> None:
    model = build_munit(slots={"generator": {"weights": f"{saved}:generator/dog"}})
    dog = load(saved).generator["dog"]
    assert all(is_equal(net, dog) for net in model.generator.values())


def test_the_weights_of_another_slot_are_named(saved: Path) -> None:
    encoder = Slot("munit_encoder", role="encoder", per="domain", weights=f"{saved}:encoder", frozen=True)
    assert is_equal(build_munit(style_encoder=encoder).style_encoder, load(saved).encoder)


@pytest.mark.parametrize("domains", [("a", "b"), ("b", "a")])  # files list weights by name; the first domain that is declared has the parts
def test_shared_parts_are_restored_in_every_network(domains: tuple[str, str], tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "size": 16, "encoder": {"width": 4, "blocks": 2}, "generator": {"blocks": 2},
        "discriminator": {"width": 4, "depth": 2, "scales": 1},
    }  # fmt: skip
    place = build("unit", domains=domains, seed=3, **options).save(tmp_path / "unit")
    model = build("unit", domains=domains, **options, slots={"encoder": {"weights": str(place)}})
    assert is_equal(model.encoder, load(place).encoder)
    assert model.encoder["a"].latent is model.encoder["b"].latent


def test_a_folder_with_a_name_of_one_letter_is_found(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(saved, tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    assert is_equal(build_munit(slots={"generator": {"weights": "m:generator"}}).generator, load("m").generator)


def test_a_model_with_a_trained_slot_is_loaded_without_the_other_model(saved: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "copy"))
    model = build_munit(generator=str(copy))
    place = model.save(tmp_path / "own")
    shutil.rmtree(copy)
    assert is_equal(load(place).nets, model.nets)


def use(place: str, slot: str = "generator") -> dict[str, Any]:
    return {"slots": {slot: {"weights": place}}}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (use("{}x"), r'There is no model at ".*catsx"\. Did you mean "cats"\?'),
        (use("{}:generatr"), r'No slot of ".*cats" is called "generatr"\. Did you mean "generator"\?'),
        (use("{}:generator/cow"), r'No network of slot "generator" of ".*" is called "cow"\. Available: cat, dog'),
        (
            use("{}:generator", "discriminator"),
            r'has "munit_adain_decoder" in slot "generator", but the recipe has "multiscale_disc.*Name another slot of it, or take',
        ),
        ({**use("{}"), "encoder": {"width": 8, "blocks": 1}}, r"do not fit: .* has shape \[16, 16, 3, 3\], expected \[32, 32, 3, 3\]"),
        (
            {**use("{}"), "domains": ("cat", "dog", "cow")},
            r'one network per domain \(cat, dog\), but this slot needs a network "cow"\. Name the network: ".*cats:generator/cat"',
        ),
    ],
    ids=["no folder", "no slot", "no network", "another component", "another shape", "another domain"],
)
def test_weights_that_do_not_fit_are_refused_with_the_reason(saved: Path, overrides: dict[str, Any], message: str) -> None:
    slots = {name: {"weights": each["weights"].replace("{}", str(saved))} for name, each in overrides["slots"].items()}
    with pytest.raises(BuildError, match=message):
        build_munit(**{**overrides, "slots": slots})
