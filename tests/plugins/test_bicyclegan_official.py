"""BicycleGAN's original weights: into a model, out of one, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bicyclegan_by_hand import discriminate, draw, encode
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError
from i2ikit_bicyclegan.official import export_official

State = dict[str, Tensor]
KEYS = Path(__file__).parents[3] / "shared/golden/keys/bicyclegan_nets.json"
FILES = {"generator": "G", "encoder": "E", "discriminator": "D", "discriminator_random": "D2"}


def original(**changes: Any) -> Model:
    widths = {"generator": 2, "style_encoder": 2, "discriminator": 4, "discriminator_random": 4}
    slots = {name: {"width": width, **changes.pop(name, {})} for name, width in widths.items()}
    return build("bicyclegan", official=True, rehearsal=False, **{"size": 64, "style": 4, **changes}, **slots)


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    return export_official(original())


def assert_same(one: Model, other: Model) -> None:
    own, wanted = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == wanted.keys()
    assert all(torch.equal(own[key], wanted[key]) for key in own)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"source_channels": 1, "generator": {"style_placement": "input"}, "style_encoder": {"architecture": "conv"}},
        {"generator": {"up": "bilinear", "norm": "batch"}, "style_encoder": {"norm": "batch"}},
        {"generator": {"up": "bilinear", "style_placement": "input"}, "discriminator": {"scales": 1, "conditional": True}},
        {"discriminator": {"norm": "batch", "scales": 1, "depth": 2}, "discriminator_random": {"scales": 3, "depth": 2}},
    ],
    ids=["default", "input", "batch", "conditional", "scales"],
)
def test_export_and_import_give_the_same_model_and_infer_every_size(changes: dict[str, Any]) -> None:
    model = original(**changes)
    imported = import_official("bicyclegan", **export_official(model))
    assert_same(imported, model)
    assert (imported.image, imported.source, imported.nets.style) == (model.image, model.source, model.nets.style)
    assert imported.preprocessing["untrained"] == []


def listed(name: str, made: torch.Generator) -> State:
    found = json.loads(KEYS.read_text())["networks"][name]["state"]
    drawn = {key: torch.randn(shape, generator=made) if shape else torch.tensor(5) for key, shape in found}
    return {
        key: value.abs() + 0.5 if "running_var" in key else value / value[0].numel() ** 0.5 if value.ndim > 1 else value
        for key, value in drawn.items()
    }


@pytest.mark.skipif(not KEYS.is_file(), reason="the lists of the original's keys (../shared/golden) are not here")
@pytest.mark.parametrize(
    ("generator", "encoder", "discriminator"),
    [("G_all", "E", "D"), ("G_all_bilinear", "E_conv", "D_single"), ("G_input", "E128", "D_128")],
)
def test_the_originals_keys_are_taken_exactly_and_give_what_the_original_gives(generator: str, encoder: str, discriminator: str) -> None:
    made = torch.Generator().manual_seed(3)
    g, e, d = (listed(name, made) for name in (generator, encoder, discriminator))
    model = import_official("bicyclegan", generator=g, encoder=e, discriminator=d)
    exported = export_official(model)
    for own, wanted in ((exported["generator"], g), (exported["encoder"], e), (exported["discriminator"], d)):
        assert list(own) == list(wanted)
        assert all(torch.equal(own[key], wanted[key]) for key in own)
    side = model.image.height
    image, target = (torch.rand(1, each, side, side, generator=made) * 2 - 1 for each in (model.source.channels, 3))
    z = torch.randn(1, 8, generator=made)
    with torch.no_grad():
        torch.testing.assert_close(model.slot("generator")(Code((image,), z)), draw(g, image, z), rtol=0, atol=1e-4)
        for ours, theirs in zip(model.slot("style_encoder")(target).posterior, encode(e, target), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
        for ours, theirs in zip(model.slot("discriminator")(target).scores, discriminate(d, target), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_a_folder_as_the_original_leaves_it_is_read(states: dict[str, State], tmp_path: Path) -> None:
    for part, state in states.items():
        torch.save(state, tmp_path / f"latest_net_{FILES[part]}.pth")
    assert_same(import_official("bicyclegan", folder=tmp_path), import_official("bicyclegan", **states))
    with pytest.raises(CheckpointError, match=r"20_net_G.pth"):
        import_official("bicyclegan", folder=tmp_path, epoch=20)
    for part in ("D", "D2"):
        (tmp_path / f"latest_net_{part}.pth").unlink()
    model = import_official("bicyclegan", folder=tmp_path)
    assert model.preprocessing["untrained"] == ["discriminator", "discriminator_random"]
    with pytest.raises(OptionError, match="takes folder=, or files; found both folder= and encoder="):
        import_official("bicyclegan", folder=tmp_path, encoder=states["encoder"])
    with pytest.raises(CheckpointError, match=r"has none of latest_net_G.pth, _E, _D and _D2; there is: no .pth file"):
        import_official("bicyclegan", folder=tmp_path / "nowhere")


def test_an_imported_model_draws_styles_and_reads_them_off_examples(states: dict[str, State]) -> None:
    model = import_official("bicyclegan", **states)
    image, example = torch.zeros(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    one, other = model.translate(image, samples=2)
    assert not torch.equal(one, other)
    assert model.translate(image, style=example).shape == image.shape


def test_a_generator_that_takes_the_style_at_its_input_alone_is_told_its_width() -> None:
    state = export_official(original(style=5, generator={"style_placement": "input"}))["generator"]
    model = import_official("bicyclegan", generator=state, style=5)
    assert model.source.channels == 3
    with pytest.raises(OptionError, match=r"style=8 leaves 0 channels of what the generator takes for the image. Give style= its width"):
        import_official("bicyclegan", generator=state)


def test_biases_that_a_batch_norm_takes_away_are_folded_into_its_statistics() -> None:
    model = original(discriminator={"norm": "batch"})
    state = dict(export_official(model)["discriminator"])
    shift = torch.randn_like(state["model_1.3.bias"])
    state |= {"model_1.2.bias": shift, "model_1.3.running_mean": state["model_1.3.running_mean"] + shift}
    imported = import_official("bicyclegan", discriminator=state)
    image = torch.rand(1, 3, 64, 64)
    for one, other in zip(imported.discriminate(image).scores, model.discriminate(image).scores, strict=True):
        torch.testing.assert_close(one, other)


def test_keys_that_do_not_fit_are_named_five_at_most(states: dict[str, State]) -> None:
    state = {key: value for key, value in states["encoder"].items() if "shortcut" not in key or "conv.1" in key}
    with pytest.raises(CheckpointError) as caught:
        import_official("bicyclegan", encoder={**state, "extra": torch.zeros(1)})
    wanted = "encoder= does not fit the original BicycleGAN style encoder: conv.2.shortcut.1.weight [6, 4, 1, 1] is missing"
    assert str(caught.value).startswith(wanted)
    assert "extra is not expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("part", "other"), [("generator", "encoder"), ("encoder", "generator"), ("discriminator", "encoder")])
def test_exchanged_files_are_noticed(states: dict[str, State], part: str, other: str) -> None:
    with pytest.raises(CheckpointError, match=r'These are the keys of a .*, as "bicyclegan" has it'):
        import_official("bicyclegan", **{part: states[other]})


def test_networks_of_two_trainings_are_noticed(states: dict[str, State]) -> None:
    grey, wide = export_official(original(channels=1)), export_official(original(style=6))
    with pytest.raises(CheckpointError, match="generator= draws with 4 entries of style and encoder= reads 6"):
        import_official("bicyclegan", generator=states["generator"], encoder=wide["encoder"])
    with pytest.raises(CheckpointError, match="generator= draws 3 channels and encoder= reads 1"):
        import_official("bicyclegan", generator=states["generator"], encoder=grey["encoder"])
    with pytest.raises(CheckpointError, match="discriminator= sees 1 channel, which is neither the image's 3 nor 6 with the source"):
        import_official("bicyclegan", generator=states["generator"], discriminator=grey["discriminator"])


def test_nothing_to_import_and_a_style_of_another_width_are_errors(states: dict[str, State]) -> None:
    with pytest.raises(OptionError, match="needs generator=, encoder=, discriminator=, discriminator_random= or some of them; found none"):
        import_official("bicyclegan")
    with pytest.raises(OptionError, match="style=9 was asked for, but the weights have styles of 4 entries"):
        import_official("bicyclegan", generator=states["generator"], style=9)
