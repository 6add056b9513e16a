"""Import and export of weights of the original pix2pix code, and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pix2pix_by_hand import discriminate, generate
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError
from i2ikit_pix2pix.official import export_official

State = dict[str, Tensor]
KEYS = Path(__file__).parents[3] / "shared/golden/keys/pix2pix_unet256.json"


def build_original(**overrides: Any) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 2}, "discriminator": {"width": 3}}
    slots = {name: {**slot, **overrides.pop(name, {})} for name, slot in slots.items()}
    return build("pix2pix", official=True, rehearsal=False, **{"size": 32, **overrides}, **slots)


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
        {"source_channels": 1},
        {"size": 64, "generator": {"norm": "instance"}, "discriminator": {"norm": "instance", "depth": 2}},
        {"channels": 1, "discriminator": {"depth": 0}},
        {"discriminator": {"conditional": False}},
    ],
)
def test_export_and_import_give_the_same_model_and_infer_every_size(overrides: dict[str, Any]) -> None:
    model = build_original(**overrides)
    imported = import_official("pix2pix", **export_official(model))
    assert_equal_models(imported, model)
    assert (imported.image, imported.source) == (model.image, model.source)
    assert imported.preprocessing["untrained"] == []


@pytest.mark.skipif(not KEYS.is_file(), reason="requires the lists of the original's keys (../shared/golden)")
@pytest.mark.parametrize(("generator", "discriminator"), [("G", "D"), ("G128_instance", "D_instance"), ("G", "D_pixel")])
def test_the_originals_keys_are_preserved_and_outputs_equal_those_written_by_hand(generator: str, discriminator: str) -> None:
    random = torch.Generator().manual_seed(3)

    def make_state(name: str) -> State:
        keys = json.loads(KEYS.read_text())["networks"][name]["state"]
        state = {key: torch.randn(shape, generator=random) if shape else torch.tensor(5) for key, shape in keys}
        return {key: value / value[0].numel() ** 0.5 if value.ndim > 1 else value for key, value in state.items()}

    g, d = make_state(generator), make_state(discriminator)
    model = import_official("pix2pix", generator=g, discriminator=d, dropout=0)
    exported = export_official(model)
    assert list(exported["generator"]) == list(g)
    assert list(exported["discriminator"]) == list(d)
    side = model.image.height
    image, target = torch.rand(2, 1, 3, side, side, generator=random) * 2 - 1
    with torch.no_grad():
        fake = model.slot("generator")(Code((image,)))
        torch.testing.assert_close(fake, generate(g, image), rtol=0, atol=1e-4)
        torch.testing.assert_close(model.eval().translate(image), fake, rtol=0, atol=1e-6)
        inputs = {"source": image} if model.nets.get_inputs("discriminator") else {}
        scored = torch.cat([image, target], 1) if inputs else target
        score = model.train().slot("discriminator")(target, **inputs).scores[0]
        torch.testing.assert_close(score, discriminate(d, scored), rtol=0, atol=1e-4)


def test_the_papers_networks_have_the_originals_keys() -> None:
    exported = export_official(build("pix2pix", official=True, rehearsal=False))
    assert list(exported["generator"])[:2] == ["model.model.0.weight", "model.model.1.model.1.weight"]
    assert list(exported["generator"])[-2:] == ["model.model.3.weight", "model.model.3.bias"]
    assert (len(exported["generator"]), len(exported["discriminator"])) == (82, 22)


def test_a_folder_of_the_original_training_is_read(states: dict[str, State], tmp_path: Path) -> None:
    for name, state in zip("GD", states.values(), strict=True):
        torch.save(state, tmp_path / f"latest_net_{name}.pth")
    assert_equal_models(import_official("pix2pix", folder=tmp_path), import_official("pix2pix", **states))
    with pytest.raises(CheckpointError, match=r"20_net_G.pth"):
        import_official("pix2pix", folder=tmp_path, epoch=20)
    (tmp_path / "latest_net_D.pth").unlink()
    assert import_official("pix2pix", folder=tmp_path).preprocessing["untrained"] == ["discriminator"]
    with pytest.raises(OptionError, match="either folder=, or generator= and discriminator=; found both"):
        import_official("pix2pix", folder=tmp_path, generator=states["generator"])
    (tmp_path / "latest_net_G.pth").rename(tmp_path / "latest_net_G_A.pth")
    with pytest.raises(CheckpointError, match=r"has neither latest_net_G.pth nor latest_net_D.pth; found: latest_net_G_A.pth"):
        import_official("pix2pix", folder=tmp_path)


def test_running_statistics_may_be_missing_or_superfluous(states: dict[str, State]) -> None:
    bare = {key: value for key, value in states["generator"].items() if "running" not in key and "num_batches" not in key}
    assert_equal_models(import_official("pix2pix", **{**states, "generator": bare}), import_official("pix2pix", **states))
    instance = export_official(build_original(generator={"norm": "instance"}))["generator"]
    old = {**instance, "model.model.1.model.2.running_mean": torch.zeros(4)}
    assert_equal_models(import_official("pix2pix", generator=old), import_official("pix2pix", generator=instance))


def test_each_network_can_be_imported_alone(states: dict[str, State]) -> None:
    assert import_official("pix2pix", generator=states["generator"]).preprocessing["untrained"] == ["discriminator"]
    discriminator = import_official("pix2pix", discriminator=states["discriminator"])
    assert (discriminator.source.channels, discriminator.image.channels) == (3, 3)
    grey = export_official(build_original(source_channels=1))["discriminator"]
    assert import_official("pix2pix", discriminator=grey, source_channels=1).image.channels == 3


def test_wrong_keys_are_named(states: dict[str, State]) -> None:
    state = {key: value for key, value in states["generator"].items() if ".5." not in key}
    with pytest.raises(CheckpointError) as caught:
        import_official("pix2pix", generator={**state, "extra": torch.zeros(1)})
    message = (
        "generator= does not fit the original pix2pix generator: model.model.1.model.3.model.3.model.5.weight [32, 8, 4, 4] is missing"
    )
    assert str(caught.value).startswith(message)
    assert "extra is not expected" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("model.10.conv_block.1.weight", 'a ResNet generator of "cyclegan"'),
        ("model.0.weight", 'a patch discriminator of "cyclegan" or "pix2pix"'),
        ("model.down.0.weight", 'a U-Net generator of "bicyclegan" with the style at all levels'),
    ],
)
def test_weights_of_another_architecture_are_named(key: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=f"found {key}. These are the keys of {words}"):
        import_official("pix2pix", generator={key: torch.zeros(4, 3, 4, 4)})


def test_networks_of_different_trainings_are_refused(states: dict[str, State]) -> None:
    grey = export_official(build_original(channels=1))["discriminator"]
    with pytest.raises(
        CheckpointError, match="translates 3 channels to 3, but discriminator= takes 2 channels; expected 3, or 6 with the source"
    ):
        import_official("pix2pix", generator=states["generator"], discriminator=grey)


def test_missing_arguments_and_wrong_channels_are_errors(states: dict[str, State]) -> None:
    with pytest.raises(OptionError, match="requires generator=, discriminator= or both; found neither"):
        import_official("pix2pix")
    with pytest.raises(OptionError, match="source_channels=1 does not fit generator=, which takes 3 channels"):
        import_official("pix2pix", generator=states["generator"], source_channels=1)


def test_a_damaged_or_unsafe_file_is_one_clear_error(states: dict[str, State], tmp_path: Path) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save(states["generator"], path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        import_official("pix2pix", generator=path)
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match=r"is missing"):
        import_official("pix2pix", generator=tmp_path / "nothing.pth")
    torch.save([print], path)
    with pytest.raises(CheckpointError, match="is refused: it holds more than tensors"):
        import_official("pix2pix", generator=path)
