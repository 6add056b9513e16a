"""Imports with settings of the recipe, and with state dicts in place of folders."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError
from i2ikit_bicyclegan.official import export_official as export_bicyclegan
from i2ikit_cyclegan.official import export_official as export_cyclegan
from i2ikit_pix2pix.official import export_official as export_pix2pix
from i2ikit_stargan.official import export_official as export_stargan

LABELS = {"hair": ("black", "blond")}
UNET: dict[str, Any] = {"generator": {"width": 2, "depth": 5}, "discriminator": {"width": 2, "depth": 2}}


def make_stargan() -> Model:
    return build("stargan", official=True, size=32, labels=LABELS, generator={"width": 2, "blocks": 1}, discriminator={"width": 2}, seed=5)


def have_equal_weights(one: Model, other: Model) -> bool:
    theirs = dict(other.nets.named_state())
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.nets.named_state())


def test_settings_of_the_recipe_are_overrides_and_the_weights_are_the_imported_ones() -> None:
    original = make_stargan()
    files: dict[str, Any] = export_stargan(original)
    settings: dict[str, Any] = {"lr": 5e-5, "steps": 70, "batch": 3, "terms": {"translator/cycle": 5.0}, "official": True}
    model = import_official("stargan", **files, labels=LABELS, **settings)
    assert (model.recipe.steps, model.recipe.batch) == (70, 3)
    assert {player.optimizer.lr for player in model.recipe.players} == {5e-5}
    assert model.recipe.player("translator").terms["cycle"].weight == 5.0
    assert model.preprocessing == {"imported": "stargan", "untrained": []}
    assert have_equal_weights(model, original)
    model.step(model.example_batch(2))
    model.raise_if_not_finite()


def test_settings_that_change_a_network_do_not_fit_the_weights() -> None:
    files: dict[str, Any] = export_stargan(make_stargan())
    with pytest.raises(
        CheckpointError, match=r"The imported weights do not fit the settings slots=: .*Override settings of the training only"
    ):
        import_official("stargan", **files, labels=LABELS, slots={"generator": {"options": {"width": 4}}})


def test_the_networks_of_the_paper_cannot_be_imported() -> None:
    files: dict[str, Any] = export_stargan(make_stargan())
    with pytest.raises(OptionError, match='official=False is not supported: importer "stargan" builds the networks of the original code'):
        import_official("stargan", **files, labels=LABELS, official=False)


def test_a_misspelled_setting_is_named() -> None:
    files: dict[str, Any] = export_stargan(make_stargan())
    with pytest.raises(UnknownNameError, match=r'No argument of the importer "stargan" is called "stpes"\. Did you mean "steps"'):
        import_official("stargan", **files, labels=LABELS, stpes=3)


@pytest.mark.parametrize(
    ("system", "small", "export", "names"),
    [
        ("pix2pix", UNET, export_pix2pix, {"generator": "G", "discriminator": "D"}),
        (
            "cyclegan",
            {"generator": {"width": 2, "blocks": 1}, "discriminator": {"width": 2}},
            export_cyclegan,
            {"generator_a": "G_A", "generator_b": "G_B", "discriminator_a": "D_A", "discriminator_b": "D_B"},
        ),
        (
            "bicyclegan",
            {**UNET, "style_encoder": {"width": 2}, "discriminator_random": {"width": 2, "depth": 2}},
            export_bicyclegan,
            {"generator": "G", "encoder": "E", "discriminator": "D", "discriminator_random": "D2"},
        ),
    ],
)
def test_a_mapping_of_state_dicts_stands_for_a_folder(system: str, small: Any, export: Any, names: dict[str, str]) -> None:
    original = build(system, official=True, size=32, seed=5, rehearsal=False, **small)
    states = export(original)
    domains = {"domains": original.domain.names} if original.domain.names else {}
    model = import_official(system, folder={names[part]: state for part, state in states.items()}, size=32, **domains)
    assert have_equal_weights(model, original)
    assert model.preprocessing["untrained"] == []
    with pytest.raises(UnknownNameError, match=r'No network of the original code is called "X"\. Available: '):
        import_official(system, folder={"X": {}}, size=32)
