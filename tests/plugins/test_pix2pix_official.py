"""pix2pix's original weights: into a model, out of one, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pix2pix_by_hand import discriminate, draw
from torch import Tensor

from i2ikit import Code, Model, build, import_official
from i2ikit.errors import CheckpointError, OptionError
from i2ikit_pix2pix.official import export_official

State = dict[str, Tensor]
KEYS = Path(__file__).parents[3] / "shared/golden/keys/pix2pix_unet256.json"


def original(**changes: Any) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 2}, "discriminator": {"width": 3}}
    slots = {name: {**slot, **changes.pop(name, {})} for name, slot in slots.items()}
    return build("pix2pix", official=True, rehearsal=False, **{"size": 32, **changes}, **slots)


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
        {"source_channels": 1},
        {"size": 64, "generator": {"norm": "instance"}, "discriminator": {"norm": "instance", "depth": 2}},
        {"channels": 1, "discriminator": {"depth": 0}},
        {"discriminator": {"conditional": False}},
    ],
)
def test_export_and_import_give_the_same_model_and_infer_every_size(changes: dict[str, Any]) -> None:
    model = original(**changes)
    imported = import_official("pix2pix", **export_official(model))
    assert_same(imported, model)
    assert (imported.image, imported.source) == (model.image, model.source)
    assert imported.preprocessing["untrained"] == []


@pytest.mark.skipif(not KEYS.is_file(), reason="the lists of the original's keys (../shared/golden) are not here")
@pytest.mark.parametrize(("generator", "discriminator"), [("G", "D"), ("G128_instance", "D_instance"), ("G", "D_pixel")])
def test_the_originals_keys_are_taken_exactly_and_draw_and_score_as_the_original(generator: str, discriminator: str) -> None:
    made = torch.Generator().manual_seed(3)

    def state(name: str) -> State:
        listed = json.loads(KEYS.read_text())["networks"][name]["state"]
        drawn = {key: torch.randn(shape, generator=made) if shape else torch.tensor(5) for key, shape in listed}
        return {key: value / value[0].numel() ** 0.5 if value.ndim > 1 else value for key, value in drawn.items()}

    g, d = state(generator), state(discriminator)
    model = import_official("pix2pix", generator=g, discriminator=d, dropout=0)
    exported = export_official(model)
    assert list(exported["generator"]) == list(g)
    assert list(exported["discriminator"]) == list(d)
    side = model.image.height
    image, target = torch.rand(2, 1, 3, side, side, generator=made) * 2 - 1
    with torch.no_grad():
        fake = model.slot("generator")(Code((image,)))
        torch.testing.assert_close(fake, draw(g, image), rtol=0, atol=1e-4)
        torch.testing.assert_close(model.eval().translate(image), fake, rtol=0, atol=1e-6)
        reads = {"source": image} if model.nets.inputs_of("discriminator") else {}
        seen = torch.cat([image, target], 1) if reads else target
        score = model.train().slot("discriminator")(target, **reads).scores[0]
        torch.testing.assert_close(score, discriminate(d, seen), rtol=0, atol=1e-4)


def test_the_papers_networks_have_the_originals_keys() -> None:
    exported = export_official(build("pix2pix", official=True, rehearsal=False))
    assert list(exported["generator"])[:2] == ["model.model.0.weight", "model.model.1.model.1.weight"]
    assert list(exported["generator"])[-2:] == ["model.model.3.weight", "model.model.3.bias"]
    assert (len(exported["generator"]), len(exported["discriminator"])) == (82, 22)


def test_a_folder_as_the_original_leaves_it_is_read(states: dict[str, State], tmp_path: Path) -> None:
    for name, state in zip("GD", states.values(), strict=True):
        torch.save(state, tmp_path / f"latest_net_{name}.pth")
    assert_same(import_official("pix2pix", folder=tmp_path), import_official("pix2pix", **states))
    with pytest.raises(CheckpointError, match=r"20_net_G.pth"):
        import_official("pix2pix", folder=tmp_path, epoch=20)
    (tmp_path / "latest_net_D.pth").unlink()
    assert import_official("pix2pix", folder=tmp_path).preprocessing["untrained"] == ["discriminator"]
    with pytest.raises(OptionError, match="takes folder=, or generator= and discriminator=; found both"):
        import_official("pix2pix", folder=tmp_path, generator=states["generator"])
    (tmp_path / "latest_net_G.pth").rename(tmp_path / "latest_net_G_A.pth")
    with pytest.raises(CheckpointError, match=r"has neither latest_net_G.pth nor latest_net_D.pth; there is: latest_net_G_A.pth"):
        import_official("pix2pix", folder=tmp_path)


def test_running_statistics_may_be_missing_or_too_many(states: dict[str, State]) -> None:
    bare = {key: value for key, value in states["generator"].items() if "running" not in key and "num_batches" not in key}
    assert_same(import_official("pix2pix", **{**states, "generator": bare}), import_official("pix2pix", **states))
    instance = export_official(original(generator={"norm": "instance"}))["generator"]
    old = {**instance, "model.model.1.model.2.running_mean": torch.zeros(4)}
    assert_same(import_official("pix2pix", generator=old), import_official("pix2pix", generator=instance))


def test_each_network_can_come_alone(states: dict[str, State]) -> None:
    assert import_official("pix2pix", generator=states["generator"]).preprocessing["untrained"] == ["discriminator"]
    discriminator = import_official("pix2pix", discriminator=states["discriminator"])
    assert (discriminator.source.channels, discriminator.image.channels) == (3, 3)
    grey = export_official(original(source_channels=1))["discriminator"]
    assert import_official("pix2pix", discriminator=grey, source_channels=1).image.channels == 3


def test_keys_that_do_not_fit_are_named_five_at_most(states: dict[str, State]) -> None:
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
        ("model.10.conv_block.1.weight", 'a ResNet generator, as "cyclegan" has it'),
        ("model.0.weight", 'a patch discriminator, as "cyclegan" and "pix2pix" have it'),
        ("model.down.0.weight", 'a U-Net generator, as "bicyclegan" has it where the style enters everywhere'),
    ],
)
def test_weights_of_another_architecture_are_named(key: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=f"begins with {key}. These are the keys of {words}"):
        import_official("pix2pix", generator={key: torch.zeros(4, 3, 4, 4)})


def test_networks_of_two_trainings_are_noticed(states: dict[str, State]) -> None:
    grey = export_official(original(channels=1))["discriminator"]
    with pytest.raises(CheckpointError, match="draws 3 channels of 3 and discriminator= sees 2 channels, which is neither 3 nor both, 6"):
        import_official("pix2pix", generator=states["generator"], discriminator=grey)


def test_nothing_to_import_and_wrong_channels_are_errors(states: dict[str, State]) -> None:
    with pytest.raises(OptionError, match="needs generator=, discriminator= or both; found neither"):
        import_official("pix2pix")
    with pytest.raises(OptionError, match="source_channels=1 was asked for, but generator= translates 3"):
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
