"""Import and export of weights of the original UNIT code, and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError
from i2ikit_munit.official import export_official as export_munit
from i2ikit_unit.official import export_official

States = dict[str, dict[str, dict[str, Tensor]]]
SMALL: dict[str, Any] = {
    "encoder": {"width": 4, "downsamples": 1, "blocks": 2, "latent_blocks": 1},
    "generator": {"blocks": 2, "latent_blocks": 1},
    "discriminator": {"width": 4, "depth": 2, "scales": 2},
}


def build_original(**overrides: Any) -> Model:
    slots = {name: {**SMALL[name], **overrides.pop(name, {})} for name in SMALL}
    return build("unit", **{"official": True, "rehearsal": False, "size": (16, 24), **overrides}, **slots)


@pytest.fixture(scope="module")
def states() -> States:
    return export_official(build_original())


def assert_equal_models(one: Model, other: Model) -> None:
    own, expected = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_export_and_import_give_the_same_model_and_infer_every_size(blocks: int) -> None:
    model = build_original(channels=1, domains=("cat", "dog"), encoder={"blocks": blocks}, generator={"blocks": blocks})
    imported = import_official("unit", **export_official(model), domains=("cat", "dog"), size=(16, 24))
    assert_equal_models(imported, model)
    for slot in ("encoder", "generator", "discriminator"):
        assert dict(imported.recipe.slots[slot].options) == dict(model.recipe.slots[slot].options)
        assert imported.recipe.slots[slot].shared == ()


def test_files_and_state_dicts_give_the_same_model(states: States, tmp_path: Path) -> None:
    torch.save(states["generator"], tmp_path / "gen.pt")
    torch.save(states["discriminator"], tmp_path / "dis.pt")
    imported = import_official("unit", generator=tmp_path / "gen.pt", discriminator=str(tmp_path / "dis.pt"))
    assert_equal_models(imported, import_official("unit", **states))


def test_each_file_can_be_imported_alone(states: States) -> None:
    assert import_official("unit", generator=states["generator"]).preprocessing["untrained"] == ["discriminator"]
    assert import_official("unit", discriminator=states["discriminator"]).preprocessing["untrained"] == ["encoder", "generator"]


def test_a_model_with_shared_parts_is_exported_under_both_domains() -> None:
    exported = export_official(build_original(official=False))["generator"]
    for key in ("enc.model.2.model.1.model.0.conv.weight", "dec.model.0.model.0.model.0.conv.weight"):
        assert torch.equal(exported["a"][key], exported["b"][key])


def test_wrong_keys_are_named_with_their_domain(states: States) -> None:
    incomplete = {key: value for key, value in states["generator"]["b"].items() if "dec.model.0.model.1.model.1" not in key}
    with pytest.raises(
        CheckpointError, match=r'^"b" of generator= does not fit the original UNIT generator: dec\.model\.0\.model\.1\.model\.1'
    ):
        import_official("unit", generator={"a": states["generator"]["a"], "b": incomplete})


def test_files_of_munit_and_swapped_files_are_named(states: States) -> None:
    munit = export_munit(
        build("munit", size=16, rehearsal=False, encoder={"width": 4, "blocks": 1}, discriminator={"width": 4, "depth": 2})
    )
    with pytest.raises(CheckpointError, match='These are the keys of a generator of "munit"'):
        import_official("unit", generator=munit["generator"])
    with pytest.raises(CheckpointError, match='These are the keys of a generator of "unit"'):
        import_official("munit", generator=states["generator"])
    with pytest.raises(CheckpointError, match='These are the keys of a multi-scale discriminator of "munit" or "unit"'):
        import_official("unit", generator=states["discriminator"])


def test_models_that_the_original_does_not_support_are_not_exported(states: States) -> None:
    with pytest.raises(OptionError, match="two domains; this model has 3"):
        export_official(build_original(domains=("a", "b", "c")))
    with pytest.raises(OptionError, match="found blocks=2, latent_blocks=2 and blocks=2, latent_blocks=1"):
        export_official(build_original(encoder={"latent_blocks": 2}))
    with pytest.raises(OptionError, match="needs generator=, discriminator= or both; found neither"):
        import_official("unit")
