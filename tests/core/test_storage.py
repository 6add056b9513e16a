"""Saving and loading models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from i2ikit import Model, Term, build, load
from i2ikit.core import storage
from i2ikit.errors import CheckpointError

SMALL = {"size": 16, "generator": {"width": 4, "blocks": 1}, "discriminator": {"width": 4}}


@pytest.fixture
def model() -> Model:
    return build("stargan", labels={"hair": ("black", "blond"), "male": bool}, seed=3, **SMALL)


def test_a_loaded_model_has_the_same_settings_and_generates_the_same_image(model: Model, tmp_path: Path) -> None:
    model.preprocessing, model.steps_done = {"background": "white"}, 1
    model.save(tmp_path / "run" / "final")
    again = load(tmp_path / "run" / "final")
    image = torch.rand(1, 3, 16, 16)

    assert again.recipe.slots == model.recipe.slots
    assert again.recipe.players == model.recipe.players
    assert (again.domain, again.image, again.seed, again.preprocessing) == (model.domain, model.image, 3, {"background": "white"})
    torch.testing.assert_close(again.translate(image, to={"hair": "blond"}), model.translate(image, to={"hair": "blond"}), rtol=0, atol=0)


def test_a_loaded_model_can_be_trained(model: Model, tmp_path: Path) -> None:
    model.step(model.example_batch(2))
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")

    assert again.steps_done == 1
    assert set(again.step(again.example_batch(2))) == {"discriminator/adversarial", "discriminator/penalty", "discriminator/domain"}


def test_a_training_continues_bit_for_bit_from_its_state(model: Model, tmp_path: Path) -> None:
    batches = [model.example_batch(2, seed=seed) for seed in range(10)]
    for batch in batches[:6]:
        model.step(batch)
    tensors, data = model.training_state()
    storage.write_tensors(tmp_path / "state.safetensors", tensors)
    other = build("stargan", labels={"hair": ("black", "blond"), "male": bool}, seed=9, **SMALL)
    other.restore_training_state(storage.read_tensors(tmp_path / "state.safetensors"), json.loads(json.dumps(data)))
    for batch in batches[6:]:
        model.step(batch)
        other.step(batch)

    for (name, tensor), (_, other_tensor) in zip(model.nets.named_state(), other.nets.named_state(), strict=True):
        assert torch.equal(tensor, other_tensor), name


def test_a_model_folder_contains_only_safetensors_and_json(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")

    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "weights.safetensors"]
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]
    assert all(name.startswith("nets.") for name in load_file(tmp_path / "m" / "weights.safetensors"))


def test_saving_again_replaces_the_model(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    model.step(model.example_batch(2))
    model.save(tmp_path / "m")

    assert load(tmp_path / "m").steps_done == 1


def test_saving_again_keeps_other_files_of_the_folder(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    (tmp_path / "m" / "pictures").mkdir()
    model.save(tmp_path / "m")

    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "notes.txt", "pictures", "weights.safetensors"]
    assert (tmp_path / "m" / "notes.txt").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]


def test_a_full_disk_does_not_change_the_old_model(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.save(tmp_path / "m")
    before = (tmp_path / "m" / "weights.safetensors").read_bytes()

    def fail(path: Path, tensors: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_tensors", fail)
    with pytest.raises(CheckpointError, match=r"cannot be written: .*No space left on device.*Its earlier files are unchanged"):
        model.save(tmp_path / "m")

    assert (tmp_path / "m" / "weights.safetensors").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]


def test_an_interrupt_between_the_two_renames_restores_the_old_model(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model.save(tmp_path / "m")
    before = (tmp_path / "m" / "weights.safetensors").read_bytes()
    rename = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.save(tmp_path / "m")

    assert (tmp_path / "m" / "weights.safetensors").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "m"]


def test_a_folder_with_other_files_and_no_model_is_not_overwritten(model: Model, tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")

    with pytest.raises(CheckpointError, match="contains files, but no model"):
        model.save(tmp_path)


@pytest.mark.parametrize("length", [0, 7, 100, 5000])
def test_truncated_weights_are_named(model: Model, tmp_path: Path, length: int) -> None:
    model.save(tmp_path / "m")
    file = tmp_path / "m" / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:length])

    with pytest.raises(
        CheckpointError, match=r"weights\.safetensors\" is damaged .* no other model of the same run\. Copy the model again"
    ):
        load(tmp_path / "m")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_the_error_for_a_damaged_model_of_a_run_names_a_checkpoint_that_can_be_loaded(model: Model, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    for place in ("final", "checkpoints/step-00000001/model", "checkpoints/step-00000002/model"):
        model.save(run / place)
    (run / "final" / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        load(run)
    suggested = str(caught.value).split('"')[-2]
    assert suggested == str(run / "checkpoints" / "step-00000002")
    assert load(suggested).recipe == load(run / "checkpoints" / "step-00000001").recipe


def test_the_error_for_a_missing_model_names_similar_folders(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "final")
    with pytest.raises(CheckpointError, match=r'There is no model at ".*fnal"\. Did you mean "final"\?$'):
        load(tmp_path / "fnal")


def test_a_truncated_configuration_is_named(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    file.write_text(file.read_text()[:300])

    with pytest.raises(CheckpointError, match=r"config\.json\" is damaged"):
        load(tmp_path / "m")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("recipe", 3),
        ("recipe/slots", [1]),
        ("recipe/slots/generator", 3),
        ("recipe/slots/generator/options", 3),
        ("recipe/slots/generator/component", []),
        ("recipe/slots/generator/wrappers", [3]),
        ("recipe/players", None),
        ("recipe/players/0/terms/adversarial/loss", 3),
        ("recipe/plan", 3),
        ("recipe/plan_options", 3),
        ("recipe/labels", 3),
        ("recipe/schedule/kind", "x"),
        ("seed", "x"),
        ("step", None),
        ("preprocessing", 3),
    ],
)
def test_a_value_of_another_type_in_the_configuration_is_refused_in_one_line(model: Model, tmp_path: Path, path: str, value: Any) -> None:
    file = model.save(tmp_path / "m") / "config.json"
    data = json.loads(file.read_text())
    *parents, key = path.split("/")
    place: Any = data
    for each in parents:
        place = place[int(each) if each.isdigit() else each]
    place[key] = value
    file.write_text(json.dumps(data))
    with pytest.raises(CheckpointError, match=r"config\.json\" is not a valid model configuration: .* no other model") as error:
        load(tmp_path / "m")
    assert "\n" not in str(error.value)


def test_an_unknown_key_in_the_configuration_is_refused(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    file = tmp_path / "m" / "config.json"
    data = json.loads(file.read_text())
    data["recipe"]["colour"] = "blue"
    file.write_text(json.dumps(data))

    with pytest.raises(CheckpointError, match=r'"recipe\.colour" is an unknown key\. Install the version'):
        load(tmp_path / "m")


def test_a_missing_file_and_a_missing_folder_have_different_errors(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    (tmp_path / "m" / "weights.safetensors").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "weights.ckpt").write_bytes(b"x")

    with pytest.raises(CheckpointError, match=r"weights\.safetensors\" is missing"):
        load(tmp_path / "m")
    with pytest.raises(CheckpointError, match="There is no model at"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="contains no model"):
        load(tmp_path / "empty")
    with pytest.raises(CheckpointError, match=r"is a file, but a model is a folder.*i2ikit import"):
        load(tmp_path / "weights.ckpt")


def test_the_error_for_weights_of_another_architecture_names_the_first_five_differences(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    other = {"width": 6, "blocks": 2}
    build("stargan", labels={"hair": ("black", "blond"), "male": bool}, size=16, generator=other).save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "weights.safetensors", tmp_path / "m")

    with pytest.raises(CheckpointError, match=r"does not fit recipe \"stargan\": .*; and \d+ more\.") as caught:
        load(tmp_path / "m")
    assert str(caught.value).count("; ") == 5


def test_loading_a_model_warns_about_a_loss_that_was_a_function(tmp_path: Path) -> None:
    def brightness(t: object) -> torch.Tensor:
        return t.fake.mean()  # type: ignore[attr-defined, no-any-return]

    model = build("stargan", terms={"translator/brightness": Term(brightness, 0.1)}, labels={"male": bool}, **SMALL)
    model.save(tmp_path / "m")

    with pytest.warns(UserWarning, match=r'Term "translator/brightness" is the Python function .*brightness, which was not saved'):
        again = load(tmp_path / "m")
    assert "translator/brightness" not in again.losses


class Roughness(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.ones(1))

    def forward(self, t: object) -> torch.Tensor:
        return t.fake.diff(dim=-1).abs().mean() * self.kernel[0]  # type: ignore[attr-defined, no-any-return]


def test_a_model_is_loaded_without_a_loss_that_was_a_module(model: Model, tmp_path: Path) -> None:
    saved = build("stargan", terms={"translator/roughness": Term(Roughness(), 0.1)}, labels={"male": bool}, **SMALL)
    saved.save(tmp_path / "m")

    with pytest.warns(UserWarning, match=r'Term "translator/roughness" is the Python function'):
        again = load(tmp_path / "m")
    assert "translator/roughness" not in again.losses
    assert all(torch.equal(one, other) for one, other in zip(saved.nets.parameters(), again.nets.parameters(), strict=True))
    again.step(again.example_batch(2))


def test_the_configuration_of_another_library_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"_class_name": "UNet2DModel"}')
    with pytest.raises(CheckpointError, match=r'config.json" was not written by i2ikit: it has no "format"'):
        load(tmp_path)
