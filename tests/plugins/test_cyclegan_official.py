"""Import and export of weights of the original CycleGAN code, and its errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cyclegan_by_hand import discriminate, generate
from torch import Tensor

from i2ikit import Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError, UnknownNameError
from i2ikit_cyclegan.official import export_official

State = dict[str, Tensor]
NAMES = {"generator_a": "G_A", "generator_b": "G_B", "discriminator_a": "D_A", "discriminator_b": "D_B"}
CUT: dict[str, Any] = {"generator": {"down": "blurred", "up": "bilinear"}, "discriminator": {"antialiased": True}}


def build_original(**overrides: Any) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 4, "blocks": 2}, "discriminator": {"width": 4, "depth": 3}}
    slots = {name: {**options, **overrides.pop(name, {})} for name, options in slots.items()}
    return build("cyclegan", official=True, rehearsal=False, **{"size": 32, "labels": ("A", "B"), **overrides}, **slots)


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    return export_official(build_original())


def randomize(state: State, seed: int = 0) -> State:
    """Return random values under the same keys; fixed filters are kept."""
    generator = torch.Generator().manual_seed(seed)
    fixed = (".filt", "num_batches_tracked")
    return {key: value if key.endswith(fixed) else 0.2 * torch.randn(value.shape, generator=generator) for key, value in state.items()}


def assert_equal_models(one: Model, other: Model) -> None:
    own, expected = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


def test_the_paper_s_networks_have_the_original_s_keys() -> None:
    exported = export_official(build("cyclegan", rehearsal=False))
    layers = [1, 4, 7, *(f"{block}.conv_block.{half}" for block in range(10, 19) for half in (1, 5)), 19, 22, 26]
    assert list(exported["generator_a"]) == [f"model.{layer}.{leaf}" for layer in layers for leaf in ("weight", "bias")]
    assert list(exported["discriminator_b"]) == [f"model.{layer}.{leaf}" for layer in (0, 2, 5, 8, 11) for leaf in ("weight", "bias")]


def test_the_antialiased_networks_have_the_keys_of_cut() -> None:
    exported = export_official(build_original(**CUT))
    assert {key: list(value.shape) for key, value in exported["generator_a"].items() if key.endswith("filt")} == {
        "model.7.filt": [8, 1, 3, 3],
        "model.11.filt": [16, 1, 3, 3],
        "model.14.filt": [16, 1, 4, 4],
        "model.18.filt": [8, 1, 4, 4],
    }
    assert [key for key in exported["discriminator_a"] if key.endswith("filt")] == ["model.2.filt", "model.6.filt", "model.10.filt"]
    assert list(exported["discriminator_a"])[-1] == "model.14.bias"


def test_dropout_shifts_the_number_of_the_second_convolution_of_a_block() -> None:
    exported = export_official(build_original(generator={"dropout": 0.5}))["generator_a"]
    assert [key for key in exported if key.startswith("model.10.")][::2] == ["model.10.conv_block.1.weight", "model.10.conv_block.6.weight"]
    assert import_official("cyclegan", generator=exported).recipe.slots["generator"].options["dropout"] == 0.5
    deterministic, image = import_official("cyclegan", generator=exported, dropout=0), torch.rand(1, 3, 32, 32)
    assert torch.equal(deterministic.translate(image, to="B", seed=1), deterministic.translate(image, to="B", seed=2))


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"generator": {"blocks": 3, "dropout": 0.5}, "discriminator": {"depth": 2}},
        CUT,
        {"generator": {"down": "blurred"}, "discriminator": {"depth": 1}},
        {"discriminator": {"norm": "batch", "depth": 2}},
        {"discriminator": {"norm": "batch", "antialiased": True}},
        {"generator": {"up": "nearest"}, "discriminator": {"depth": 0}, "channels": 1},
    ],
    ids=["paper", "dropout", "cut", "blurred", "batch", "batch-cut", "nearest"],
)
def test_import_and_export_preserve_all_values_and_infer_every_size(overrides: dict[str, Any]) -> None:
    expected = {part: randomize(state, seed) for seed, (part, state) in enumerate(export_official(build_original(**overrides)).items())}
    model = import_official("cyclegan", **expected, size=32)
    found = export_official(model)
    assert found.keys() == expected.keys()
    for part, state in expected.items():
        assert list(found[part]) == list(state)
        assert all(torch.equal(found[part][key], state[key]) for key in state)


@pytest.mark.parametrize("overrides", [{}, CUT], ids=["cyclegan", "cut"])
def test_imported_networks_equal_those_written_by_hand(overrides: dict[str, Any]) -> None:
    weights = {part: randomize(state, seed) for seed, (part, state) in enumerate(export_official(build_original(**overrides)).items())}
    model = import_official("cyclegan", **weights, size=32)
    image = model.example_batch(1)["images"]["A"]
    with torch.no_grad():
        torch.testing.assert_close(model.translate(image, to="B"), generate(weights["generator_a"], image), rtol=0, atol=1e-4)
        torch.testing.assert_close(model.translate(image, to="A"), generate(weights["generator_b"], image), rtol=0, atol=1e-4)
        discriminators = model.slot("discriminator")
        for part, scored in (("discriminator_a", "B"), ("discriminator_b", "A")):
            (scores,) = discriminators.get_submodule(scored)(image).scores
            torch.testing.assert_close(scores, discriminate(weights[part], image), rtol=0, atol=1e-4)


def test_files_their_folder_and_state_dicts_give_the_same_model(states: dict[str, State], tmp_path: Path) -> None:
    for part, state in states.items():
        torch.save(state, tmp_path / f"latest_net_{NAMES[part]}.pth")
        torch.save(state, tmp_path / f"200_net_{NAMES[part]}.pth")
    expected = import_official("cyclegan", **states, size=32)
    assert_equal_models(import_official("cyclegan", folder=tmp_path, size=32), expected)
    assert_equal_models(import_official("cyclegan", folder=str(tmp_path), epoch=200, size=32), expected)
    assert_equal_models(
        import_official("cyclegan", **{part: tmp_path / f"latest_net_{NAMES[part]}.pth" for part in states}, size=32), expected
    )
    assert expected.preprocessing["untrained"] == []


def test_a_single_generator_can_be_imported_alone(states: dict[str, State], tmp_path: Path) -> None:
    torch.save(states["generator_a"], tmp_path / "latest_net_G.pth")
    for weights in ({"generator": states["generator_a"]}, {"folder": tmp_path}):
        model = import_official("cyclegan", **weights, size=32, domains=("horse", "zebra"))
        assert torch.equal(export_official(model)["generator_a"]["model.1.weight"], states["generator_a"]["model.1.weight"])
        assert model.preprocessing["untrained"] == ["generator zebra_to_horse", "discriminator"]
        assert "those of the generator zebra_to_horse and the discriminator are random" in model.explain()


def test_running_statistics_of_old_files_are_ignored(states: dict[str, State]) -> None:
    old = {part: dict(state) for part, state in states.items()}
    for layer, width in ((2, 4), (5, 8), (8, 16)):
        old["generator_a"] |= {f"model.{layer}.running_mean": torch.rand(width), f"model.{layer}.running_var": torch.rand(width)}
    old["discriminator_a"] |= {"model.3.running_mean": torch.rand(8), "model.3.num_batches_tracked": torch.tensor(7)}
    assert_equal_models(import_official("cyclegan", **old), import_official("cyclegan", **states))


def test_files_of_a_data_parallel_training_are_read(states: dict[str, State]) -> None:
    wrapped = {part: {f"module.{key}": value for key, value in state.items()} for part, state in states.items()}
    assert_equal_models(import_official("cyclegan", **wrapped), import_official("cyclegan", **states))


def test_another_filter_than_the_original_s_is_refused() -> None:
    state = export_official(build_original(**CUT))["generator_a"]
    with pytest.raises(CheckpointError, match=r"model.7.filt \[8, 1, 5, 5\] differs from the filter of the original CycleGAN generator"):
        import_official("cyclegan", generator={**state, "model.7.filt": torch.full((8, 1, 5, 5), 0.04)})


def test_at_most_five_wrong_keys_are_named_with_the_nearest_architecture(states: dict[str, State]) -> None:
    state = {
        key: value for key, value in states["generator_a"].items() if not key.startswith(("model.4.", "model.7.", "model.10.conv_block.5."))
    }
    with pytest.raises(CheckpointError) as caught:
        import_official("cyclegan", generator={**state, "extra": torch.zeros(1)})
    text = str(caught.value)
    assert text.startswith(
        "generator= does not fit the original CycleGAN generator of width 4 with 2 blocks: model.4.weight [8, 4, 3, 3] is missing; "
    )
    assert text.count(";") == 5
    assert text.endswith("; ....")


def test_a_generator_with_batch_norm_is_refused_by_its_keys(states: dict[str, State]) -> None:
    state = {**states["generator_a"], "model.2.weight": torch.ones(4), "model.2.bias": torch.ones(4)}
    with pytest.raises(CheckpointError, match=r"model\.2\.weight is not expected; model.2.bias is not expected"):
        import_official("cyclegan", generator=state)


def test_swapped_files_and_other_networks_are_refused(states: dict[str, State]) -> None:
    with pytest.raises(CheckpointError, match='These are the keys of a patch discriminator of "cyclegan" or "pix2pix"'):
        import_official("cyclegan", generator_b=states["discriminator_a"])
    with pytest.raises(CheckpointError, match='These are the keys of a ResNet generator of "cyclegan"'):
        import_official("cyclegan", discriminator_a=states["generator_a"])
    with pytest.raises(CheckpointError, match='These are the keys of a U-Net generator of "pix2pix"'):
        import_official("cyclegan", generator={"model.model.0.weight": torch.zeros(64, 3, 4, 4)})


def test_networks_of_different_trainings_are_refused(states: dict[str, State]) -> None:
    wide = export_official(build_original(generator={"width": 8}))
    with pytest.raises(CheckpointError, match="is an original CycleGAN generator of width 8 with 2 blocks, but generator_a= is"):
        import_official("cyclegan", generator_a=states["generator_a"], generator_b=wide["generator_b"])
    grey = export_official(build_original(channels=1))
    with pytest.raises(CheckpointError, match="discriminator_a= has 1 channel, but the networks before it have 3"):
        import_official("cyclegan", generator_a=states["generator_a"], discriminator_a=grey["discriminator_a"])
    narrow = {**states["generator_a"], "model.18.weight": torch.zeros(1, 4, 7, 7), "model.19.weight": torch.zeros(1, 4, 7, 7)}
    with pytest.raises(CheckpointError, match=r"translates 3 channels to 1. All domains must have equal channels"):
        import_official("cyclegan", generator=narrow)


def test_invalid_arguments_are_named(states: dict[str, State], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="requires folder=, or one of generator_a=, generator_b=, discriminator_a=, discriminator_b="):
        import_official("cyclegan")
    with pytest.raises(OptionError, match="generator= and generator_a= are the same network"):
        import_official("cyclegan", generator=states["generator_a"], generator_a=states["generator_a"])
    with pytest.raises(OptionError, match=r"has two domains; domains= names .*\. Name two"):
        import_official("cyclegan", **states, domains=("a", "b", "c"))
    with pytest.raises(CheckpointError, match=r"is missing\. Pass the folder of the original training"):
        import_official("cyclegan", folder=tmp_path / "nowhere")
    (tmp_path / "10_net_G_A.pth").touch()
    with pytest.raises(CheckpointError, match=r"has no file such as latest_net_G_A.pth; found: 10_net_G_A.pth\. Pass another epoch="):
        import_official("cyclegan", folder=tmp_path)
    with pytest.raises(UnknownNameError, match=r'"generator_c".* Did you mean'):
        import_official("cyclegan", generator_c=states["generator_a"])


def test_models_that_the_original_does_not_support_are_not_exported() -> None:
    with pytest.raises(OptionError, match="supports two domains; this model has 3"):
        export_official(build_original(labels=("a", "b", "c")))
    with pytest.raises(OptionError, match="does not support these options of the model: noise, norm"):
        export_official(build_original(generator={"noise": 2}, discriminator={"norm": "none"}))
