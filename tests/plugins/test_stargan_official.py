"""Import and export of weights of the original StarGAN code, and its errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from i2ikit import Model, build, import_official
from i2ikit.errors import CheckpointError, LabelError, OptionError, UnknownNameError
from i2ikit_stargan.official import export_official

State = dict[str, Tensor]
TWO_SETS = [{"hair": ("black", "blond"), "male": bool}, {"mood": ("happy", "sad")}]
FIVE = {"hair": ("black", "blond", "brown"), "male": bool, "young": bool}


def build_original(labels: Any = FIVE, **overrides: Any) -> Model:
    slots: dict[str, Any] = {"generator": {"width": 4, "blocks": 3}, "discriminator": {"width": 8, "depth": 3}}
    return build("stargan", official=True, labels=labels, rehearsal=False, **{"size": (16, 24), **slots, **overrides})


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    return export_official(build_original())


def assert_equal_models(one: Model, other: Model) -> None:
    own, expected = one.nets.state_dict(), other.nets.state_dict()
    assert own.keys() == expected.keys()
    assert all(torch.equal(own[key], expected[key]) for key in own)


def test_export_and_import_give_the_same_model_and_infer_every_size() -> None:
    model = build_original(TWO_SETS, channels=1)
    imported = import_official("stargan", **export_official(model), labels=TWO_SETS)
    assert_equal_models(imported, model)
    assert imported.image == model.image
    assert imported.domain == model.domain
    options = {name: imported.recipe.slots[name].options for name in ("generator", "discriminator")}
    assert options["generator"] == {"width": 4, "blocks": 3, "track": True}
    assert options["discriminator"] == {"width": 8, "depth": 3}


def test_the_paper_s_networks_have_the_original_s_keys() -> None:
    model = build("stargan", official=True, rehearsal=False)
    exported = export_official(model)
    assert list(exported["generator"])[:3] == ["main.0.weight", "main.1.weight", "main.1.bias"]
    assert list(exported["generator"])[-1] == "main.21.weight"
    assert list(exported["discriminator"]) == [f"main.{2 * i}.{leaf}" for i in range(6) for leaf in ("weight", "bias")] + [
        "conv1.weight",
        "conv2.weight",
    ]
    assert len(exported["generator"]) == 103


def test_files_and_state_dicts_give_the_same_model(states: dict[str, State], tmp_path: Path) -> None:
    for name, state in states.items():
        torch.save(state, tmp_path / f"{name}.ckpt")
    parts = {name: tmp_path / f"{name}.ckpt" for name in states}
    assert_equal_models(import_official("stargan", **parts), import_official("stargan", **states))
    assert_equal_models(
        import_official("stargan", **{name: str(path) for name, path in parts.items()}), import_official("stargan", **states)
    )


def test_files_of_a_data_parallel_training_are_read(states: dict[str, State]) -> None:
    wrapped = {name: {f"module.{key}": value for key, value in state.items()} for name, state in states.items()}
    assert_equal_models(import_official("stargan", **wrapped), import_official("stargan", **states))


def test_running_statistics_may_be_missing(states: dict[str, State]) -> None:
    bare = {key: value for key, value in states["generator"].items() if "running" not in key and "num_batches" not in key}
    image, label = torch.rand(1, 3, 16, 24), torch.tensor([[1.0, 0, 0, 1, 0]])
    whole = import_official("stargan", **states).translate(image, to=label)
    part = import_official("stargan", generator=bare, discriminator=states["discriminator"]).translate(image, to=label)
    assert torch.equal(whole, part)


def test_without_labels_entries_get_default_names(states: dict[str, State]) -> None:
    assert import_official("stargan", **states).domain.entries == ("label1", "label2", "label3", "label4", "label5")
    joint = build_original([FIVE, {"mood": tuple("abcdefgh")}])
    domain = import_official("stargan", **export_official(joint)).domain
    assert [part.width for part in domain.sets] == [5, 8]
    assert domain.width == 15


def test_each_network_can_be_imported_alone(states: dict[str, State]) -> None:
    generator = import_official("stargan", generator=states["generator"], labels=FIVE, size=(16, 24))
    assert torch.equal(export_official(generator)["generator"]["main.0.weight"], states["generator"]["main.0.weight"])
    discriminator = import_official("stargan", discriminator=states["discriminator"])
    assert discriminator.image.height == 16
    assert torch.equal(export_official(discriminator)["discriminator"]["conv2.weight"], states["discriminator"]["conv2.weight"])


def test_a_size_that_cannot_be_inferred_can_be_given() -> None:
    model = build_original(size=(20, 28))
    assert import_official("stargan", **export_official(model)).image.height == 16
    assert_equal_models(import_official("stargan", **export_official(model), size=(20, 28)), model)
    with pytest.raises(OptionError, match=r"size=32 does not fit the discriminator, which is for 16 x 24"):
        import_official("stargan", **export_official(model), size=32)


def test_wrong_keys_are_named(states: dict[str, State]) -> None:
    state = {key: value for key, value in states["generator"].items() if ".main.3." not in key}
    with pytest.raises(CheckpointError) as caught:
        import_official("stargan", generator={**state, "extra": torch.zeros(1)})
    start = "generator= does not fit the original StarGAN generator: main.9.main.3.weight [16, 16, 3, 3] is missing; "
    assert str(caught.value).startswith(start)
    assert "extra is not expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(states: dict[str, State]) -> None:
    state = {**states["generator"], "main.4.bias": torch.zeros(9)}
    with pytest.raises(CheckpointError, match=r"main.4.bias is \[9\], expected \[8\]"):
        import_official("stargan", generator=state)


def test_swapped_files_are_refused(states: dict[str, State]) -> None:
    with pytest.raises(CheckpointError, match="These are the keys of a discriminator"):
        import_official("stargan", generator=states["discriminator"])
    with pytest.raises(CheckpointError, match="These are the keys of a generator"):
        import_official("stargan", discriminator=states["generator"])


def test_networks_of_different_trainings_are_refused(states: dict[str, State]) -> None:
    grey = export_official(build_original(channels=1))
    with pytest.raises(CheckpointError, match="generates 1 channel, but discriminator= takes 3 channels"):
        import_official("stargan", generator=grey["generator"], discriminator=states["discriminator"])


def test_labels_of_another_length_are_refused(states: dict[str, State]) -> None:
    with pytest.raises(
        LabelError, match=r"labels= has 4 entries, 4 without the mask .* but the weights have 5 label channels and 5 classes"
    ):
        import_official("stargan", **states, labels=tuple("abcd"))
    with pytest.raises(LabelError, match="2 label sets; the sizes of the sets are not in the weights"):
        import_official("stargan", **export_official(build_original(TWO_SETS)))


def test_missing_and_unknown_arguments_are_errors(states: dict[str, State]) -> None:
    with pytest.raises(OptionError, match="requires generator=, discriminator= or both; found neither"):
        import_official("stargan")
    with pytest.raises(UnknownNameError, match=r'"generatr".* Did you mean "generator"'):
        import_official("stargan", generatr=states["generator"])
    with pytest.raises(UnknownNameError, match=r'No importer is called "stargam"\. Did you mean "stargan"'):
        import_official("stargam", generator=states["generator"])


class RunsCode:
    """An object that runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path) -> None:
    path, mark = tmp_path / "evil-G.ckpt", tmp_path / "was here"
    torch.save({"main.0.weight": RunsCode(mark)}, path)
    with pytest.raises(CheckpointError) as caught:
        import_official("stargan", generator=path)
    assert str(caught.value).startswith(f'"{path}" is refused: it holds more than tensors, and reading it would run code')
    assert "\n" not in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_one_clear_error(states: dict[str, State], tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut-G.ckpt"
    torch.save(states["generator"], path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        import_official("stargan", generator=path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_foreign_object_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'nothing.ckpt" is missing'):
        import_official("stargan", generator=tmp_path / "nothing.ckpt")
    with pytest.raises(CheckpointError, match="is a folder"):
        import_official("stargan", generator=tmp_path)
    torch.save([1, 2], tmp_path / "list.ckpt")
    with pytest.raises(CheckpointError, match=r"holds no state dict of tensors \(list\)"):
        import_official("stargan", generator=tmp_path / "list.ckpt")
