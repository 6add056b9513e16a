"""Import and export of weights of the original MUNIT code, and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError
from i2ikit_munit.official import export_official

States = dict[str, dict[str, dict[str, Tensor]]]


def build_original(**overrides: Any) -> Model:
    slots: dict[str, Any] = {
        "encoder": {"style": 3, "width": 4, "downsamples": 1, "blocks": 2},
        "generator": {"blocks": 2, "hidden": 6},
        "discriminator": {"width": 4, "depth": 2, "scales": 2},
    }
    return build("munit", official=True, rehearsal=False, **{"size": (16, 24), **slots, **overrides})


@pytest.fixture(scope="module")
def states() -> States:
    return export_official(build_original())


def assert_equal_models(one: Model, other: Model) -> None:
    own, expected = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


def test_export_and_import_give_the_same_model_and_infer_every_size() -> None:
    model = build_original(channels=1, domains=("cat", "dog"))
    imported = import_official("munit", **export_official(model), domains=("cat", "dog"), size=(16, 24))
    assert_equal_models(imported, model)
    for slot in ("encoder", "generator", "discriminator"):
        assert dict(imported.recipe.slots[slot].options) == dict(model.recipe.slots[slot].options)
    assert imported.image == model.image
    assert imported.recipe.redraw


def test_files_and_state_dicts_give_the_same_model(states: States, tmp_path: Path) -> None:
    torch.save(states["generator"], tmp_path / "gen_00001000.pt")
    torch.save(states["discriminator"], tmp_path / "dis_00001000.pt")
    imported = import_official("munit", generator=tmp_path / "gen_00001000.pt", discriminator=str(tmp_path / "dis_00001000.pt"))
    assert_equal_models(imported, import_official("munit", **states))


def test_running_statistics_of_old_files_are_ignored(states: States) -> None:
    old = {
        domain: {
            **state,
            "enc_content.model.0.norm.running_mean": torch.ones(4),
            "enc_content.model.0.norm.running_var": torch.ones(4),
            "enc_content.model.0.norm.num_batches_tracked": torch.tensor(3),
        }
        for domain, state in states["generator"].items()
    }
    bare = {domain: {key: value for key, value in state.items() if "running" not in key} for domain, state in old.items()}
    expected = import_official("munit", **states)
    for generator in (old, bare):
        assert_equal_models(import_official("munit", generator=generator, discriminator=states["discriminator"]), expected)


def test_each_file_can_be_imported_alone(states: States) -> None:
    generator = import_official("munit", generator=states["generator"])
    assert generator.preprocessing["untrained"] == ["discriminator"]
    discriminator = import_official("munit", discriminator=states["discriminator"])
    assert discriminator.preprocessing["untrained"] == ["encoder", "generator"]
    assert torch.equal(
        discriminator.slot("discriminator")["a"].scales[0].layers[0].conv.weight, states["discriminator"]["a"]["cnns.0.0.conv.weight"]
    )


def test_wrong_keys_are_named_with_their_domain(states: States) -> None:
    incomplete = {key: value for key, value in states["generator"]["b"].items() if "enc_style.model.2" not in key}
    with pytest.raises(CheckpointError) as caught:
        import_official("munit", generator={"a": states["generator"]["a"], "b": {**incomplete, "extra": torch.zeros(1)}})
    message = str(caught.value)
    assert message.startswith(
        '"b" of generator= does not fit the original MUNIT generator: enc_style.model.2.conv.weight [16, 8, 4, 4] is missing'
    )
    assert "extra is not expected" in message
    assert "\n" not in message


def test_more_than_two_domains_are_refused(states: States) -> None:
    with pytest.raises(OptionError, match="The original MUNIT has two domains; domains= names a, b, c"):
        import_official("munit", generator=states["generator"], domains=("a", "b", "c"))


def test_a_tensor_of_another_shape_is_named_with_both_shapes(states: States) -> None:
    changed = {**states["generator"]["a"], "mlp.model.1.fc.bias": torch.zeros(9)}
    with pytest.raises(CheckpointError, match=r"mlp.model.1.fc.bias is \[9\], expected \[6\]"):
        import_official("munit", generator={"a": changed, "b": states["generator"]["b"]})


def test_swapped_files_and_files_of_other_systems_are_named(states: States) -> None:
    with pytest.raises(CheckpointError, match='These are the keys of a multi-scale discriminator of "munit" or "unit"'):
        import_official("munit", generator=states["discriminator"])
    with pytest.raises(CheckpointError, match='These are the keys of a generator of "munit"'):
        import_official("munit", discriminator=states["generator"])
    with pytest.raises(CheckpointError, match=r'holds no state dicts of tensors under "a" and "b"; found main\.0\.weight'):
        import_official("munit", generator={"main.0.weight": torch.zeros(1)})


def test_networks_of_different_trainings_are_refused(states: States) -> None:
    grey = export_official(build_original(channels=1))
    with pytest.raises(CheckpointError, match="generates 1 channel and discriminator= scores 3 channels"):
        import_official("munit", generator=grey["generator"], discriminator=states["discriminator"])


def test_missing_and_unknown_arguments_are_errors(states: States) -> None:
    with pytest.raises(OptionError, match="needs generator=, discriminator= or both; found neither"):
        import_official("munit")
    with pytest.raises(UnknownNameError, match=r'"generatr".* Did you mean "generator"'):
        import_official("munit", generatr=states["generator"])


def test_damaged_and_missing_files_are_clear_errors(states: States, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'nothing.pt" is missing'):
        import_official("munit", generator=tmp_path / "nothing.pt")
    torch.save(states["generator"], tmp_path / "gen.pt")
    (tmp_path / "gen.pt").write_bytes((tmp_path / "gen.pt").read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is damaged"):
        import_official("munit", generator=tmp_path / "gen.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match='under "a" and "b"; found list'):
        import_official("munit", generator=tmp_path / "list.pt")


def test_a_model_of_three_domains_cannot_be_exported() -> None:
    with pytest.raises(OptionError, match="two domains; this model has 3"):
        export_official(build_original(domains=("a", "b", "c")))
