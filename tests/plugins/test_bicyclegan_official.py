"""Import and export of weights of the original BicycleGAN code, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bicyclegan_by_hand import discriminate, encode, generate
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError
from i2ikit_bicyclegan.official import export_official

State = dict[str, Tensor]
KEYS = Path(__file__).parents[3] / "shared/golden/keys/bicyclegan_nets.json"
FILES = {"generator": "G", "encoder": "E", "discriminator": "D", "discriminator_random": "D2"}


def build_original(**overrides: Any) -> Model:
    widths = {"generator": 2, "style_encoder": 2, "discriminator": 4, "discriminator_random": 4}
    slots = {name: {"width": width, **overrides.pop(name, {})} for name, width in widths.items()}
    return build("bicyclegan", official=True, rehearsal=False, **{"size": 64, "style": 4, **overrides}, **slots)


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    return export_official(build_original())


def assert_equal_models(one: Model, other: Model) -> None:
    own, expected = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"source_channels": 1, "generator": {"style_placement": "input"}, "style_encoder": {"architecture": "conv"}},
        {"generator": {"up": "bilinear", "norm": "batch"}, "style_encoder": {"norm": "batch"}},
        {"generator": {"up": "bilinear", "style_placement": "input"}, "discriminator": {"scales": 1, "conditional": True}},
        {"discriminator": {"norm": "batch", "scales": 1, "depth": 2}, "discriminator_random": {"scales": 3, "depth": 2}},
    ],
    ids=["default", "input", "batch", "conditional", "scales"],
)
def test_export_and_import_give_the_same_model_and_infer_every_size(overrides: dict[str, Any]) -> None:
    model = build_original(**overrides)
    imported = import_official("bicyclegan", **export_official(model))
    assert_equal_models(imported, model)
    assert (imported.image, imported.source, imported.nets.style) == (model.image, model.source, model.nets.style)
    assert imported.preprocessing["untrained"] == []


def make_state(name: str, generator: torch.Generator) -> State:
    keys = json.loads(KEYS.read_text())["networks"][name]["state"]
    state = {key: torch.randn(shape, generator=generator) if shape else torch.tensor(5) for key, shape in keys}
    return {
        key: value.abs() + 0.5 if "running_var" in key else value / value[0].numel() ** 0.5 if value.ndim > 1 else value
        for key, value in state.items()
    }


@pytest.mark.skipif(not KEYS.is_file(), reason="requires the lists of the original's keys (../shared/golden)")
@pytest.mark.parametrize(
    ("generator", "encoder", "discriminator"),
    [("G_all", "E", "D"), ("G_all_bilinear", "E_conv", "D_single"), ("G_input", "E128", "D_128")],
)
def test_the_originals_keys_are_preserved_and_outputs_equal_those_written_by_hand(generator: str, encoder: str, discriminator: str) -> None:
    random = torch.Generator().manual_seed(3)
    g, e, d = (make_state(name, random) for name in (generator, encoder, discriminator))
    model = import_official("bicyclegan", generator=g, encoder=e, discriminator=d)
    exported = export_official(model)
    for own, expected in ((exported["generator"], g), (exported["encoder"], e), (exported["discriminator"], d)):
        assert list(own) == list(expected)
        assert all(torch.equal(own[key], expected[key]) for key in own)
    side = model.image.height
    image, target = (torch.rand(1, each, side, side, generator=random) * 2 - 1 for each in (model.source.channels, 3))
    z = torch.randn(1, 8, generator=random)
    with torch.no_grad():
        torch.testing.assert_close(model.slot("generator")(Code((image,), z)), generate(g, image, z), rtol=0, atol=1e-4)
        for ours, theirs in zip(model.slot("style_encoder")(target).posterior, encode(e, target), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
        for ours, theirs in zip(model.slot("discriminator")(target).scores, discriminate(d, target), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_a_folder_of_the_original_training_is_read(states: dict[str, State], tmp_path: Path) -> None:
    for part, state in states.items():
        torch.save(state, tmp_path / f"latest_net_{FILES[part]}.pth")
    assert_equal_models(import_official("bicyclegan", folder=tmp_path), import_official("bicyclegan", **states))
    with pytest.raises(CheckpointError, match=r"20_net_G.pth"):
        import_official("bicyclegan", folder=tmp_path, epoch=20)
    for part in ("D", "D2"):
        (tmp_path / f"latest_net_{part}.pth").unlink()
    model = import_official("bicyclegan", folder=tmp_path)
    assert model.preprocessing["untrained"] == ["discriminator", "discriminator_random"]
    with pytest.raises(OptionError, match="either folder= or files; found both folder= and encoder="):
        import_official("bicyclegan", folder=tmp_path, encoder=states["encoder"])
    with pytest.raises(CheckpointError, match=r"has none of latest_net_G.pth, _E, _D and _D2; found: no .pth file"):
        import_official("bicyclegan", folder=tmp_path / "nowhere")


def test_an_imported_model_samples_styles_and_encodes_them_from_examples(states: dict[str, State]) -> None:
    model = import_official("bicyclegan", **states)
    image, example = torch.zeros(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    one, other = model.translate(image, samples=2)
    assert not torch.equal(one, other)
    assert model.translate(image, style=example).shape == image.shape


def test_a_generator_with_the_style_at_its_input_requires_the_style_width() -> None:
    state = export_official(build_original(style=5, generator={"style_placement": "input"}))["generator"]
    model = import_official("bicyclegan", generator=state, style=5)
    assert model.source.channels == 3
    with pytest.raises(OptionError, match=r"style=8 leaves 0 of .* channels for the image. Set style="):
        import_official("bicyclegan", generator=state)


def test_biases_before_a_batch_norm_are_folded_into_its_statistics() -> None:
    model = build_original(discriminator={"norm": "batch"})
    state = dict(export_official(model)["discriminator"])
    shift = torch.randn_like(state["model_1.3.bias"])
    state |= {"model_1.2.bias": shift, "model_1.3.running_mean": state["model_1.3.running_mean"] + shift}
    imported = import_official("bicyclegan", discriminator=state)
    image = torch.rand(1, 3, 64, 64)
    for one, other in zip(imported.discriminate(image).scores, model.discriminate(image).scores, strict=True):
        torch.testing.assert_close(one, other)


def test_wrong_keys_are_named(states: dict[str, State]) -> None:
    state = {key: value for key, value in states["encoder"].items() if "shortcut" not in key or "conv.1" in key}
    with pytest.raises(CheckpointError) as caught:
        import_official("bicyclegan", encoder={**state, "extra": torch.zeros(1)})
    expected = "encoder= does not fit the original BicycleGAN style encoder: conv.2.shortcut.1.weight [6, 4, 1, 1] is missing"
    assert str(caught.value).startswith(expected)
    assert "extra is not expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("part", "other"), [("generator", "encoder"), ("encoder", "generator"), ("discriminator", "encoder")])
def test_swapped_files_are_refused(states: dict[str, State], part: str, other: str) -> None:
    with pytest.raises(CheckpointError, match=r'These are the keys of a .* of "bicyclegan"'):
        import_official("bicyclegan", **{part: states[other]})


def test_networks_of_different_trainings_are_refused(states: dict[str, State]) -> None:
    grey, wide = export_official(build_original(channels=1)), export_official(build_original(style=6))
    with pytest.raises(CheckpointError, match="generator= takes styles of 4 entries, but encoder= returns 6"):
        import_official("bicyclegan", generator=states["generator"], encoder=wide["encoder"])
    with pytest.raises(CheckpointError, match="generator= generates 3 channels, but encoder= takes 1"):
        import_official("bicyclegan", generator=states["generator"], encoder=grey["encoder"])
    with pytest.raises(CheckpointError, match="discriminator= takes 1 channel; expected 3, or 6 with the source"):
        import_official("bicyclegan", generator=states["generator"], discriminator=grey["discriminator"])


def test_missing_arguments_and_another_style_width_are_errors(states: dict[str, State]) -> None:
    with pytest.raises(OptionError, match="one or more of generator=, encoder=, discriminator=, discriminator_random=; found none"):
        import_official("bicyclegan")
    with pytest.raises(OptionError, match="style=9 does not fit the weights, whose styles have 4 entries"):
        import_official("bicyclegan", generator=states["generator"], style=9)
