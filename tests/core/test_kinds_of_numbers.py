"""Weights and states of another kind of numbers are refused, not cast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from i2ikit import Model, build, import_official, load
from i2ikit.errors import CheckpointError
from i2ikit_pix2pix.official import export_official

SMALL: dict[str, Any] = {"size": 32, "generator": {"width": 2, "depth": 3}, "discriminator": {"width": 2}}
WEIGHT = "nets.discriminator.scales.0.score.weight"


def make_model() -> Model:
    return build("pix2pix", rehearsal=False, **SMALL)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.uint8, torch.complex64])
def test_a_weight_of_another_kind_is_named_and_nothing_is_loaded(dtype: torch.dtype, tmp_path: Path) -> None:
    folder = make_model().save(tmp_path / "model")
    tensors = load_file(folder / "weights.safetensors")
    tensors[WEIGHT] = torch.ones_like(tensors[WEIGHT]).to(dtype)
    save_file(tensors, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=rf"scales\.0\.score\.weight has dtype {dtype}, expected torch\.float32\. Use weights"):
        load(folder)


def test_a_counter_of_floats_is_named(tmp_path: Path) -> None:
    folder = make_model().save(tmp_path / "model")
    tensors = load_file(folder / "weights.safetensors")
    name = next(each for each in tensors if each.endswith("num_batches_tracked"))
    tensors[name] = tensors[name].double()
    save_file(tensors, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"num_batches_tracked has dtype torch\.float64, expected torch\.int64"):
        load(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_another_precision_are_loaded(dtype: torch.dtype, tmp_path: Path) -> None:
    folder = make_model().save(tmp_path / "model")
    tensors = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in load_file(folder / "weights.safetensors").items()
    }
    save_file(tensors, folder / "weights.safetensors")
    assert next(load(folder).parameters()).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.complex64])
def test_an_import_names_a_weight_of_another_kind(dtype: torch.dtype) -> None:
    files = export_official(make_model())
    files["discriminator"]["model.0.weight"] = files["discriminator"]["model.0.weight"].to(dtype)
    with pytest.raises(CheckpointError, match=rf"model\.0\.weight has dtype {dtype}, expected torch\.float32"):
        import_official("pix2pix", size=32, **files)


@pytest.mark.parametrize(("name", "value"), [("step", -5), ("step", 1.5), ("step", True), ("step", None), ("seed", -1), ("seed", "3")])
def test_a_state_with_a_wrong_step_or_seed_is_refused_and_changes_nothing(name: str, value: Any) -> None:
    model = make_model()
    tensors, data = model.training_state()
    spoilt = {key: torch.zeros_like(tensor) for key, tensor in tensors.items()}
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=f'"{name}" {value!r}; it must be a whole number of 0 or more'):
        model.restore_training_state(spoilt, {**data, name: value})
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "tensor", "found"),
    [
        ("optimizers.translator.0.exp_avg", torch.zeros(1, 2), r"torch\.float32 of the shape \[1, 2\]; expected floats of the shape"),
        ("optimizers.translator.0.exp_avg", torch.zeros((), dtype=torch.int64), r"torch\.int64 of the shape \[\]; expected floats"),
        ("optimizers.translator.999.exp_avg", torch.zeros(1), "expected no such tensor"),
        ("optimizers.translator.first.exp_avg", torch.zeros(1), "expected no such tensor"),
    ],
)
def test_a_state_of_an_optimizer_that_does_not_fit_is_named(name: str, tensor: torch.Tensor, found: str) -> None:
    model = make_model()
    model.step(model.example_batch(2))
    tensors, data = model.training_state()
    with pytest.raises(CheckpointError, match=rf'The checkpoint does not fit recipe "pix2pix": {name} is .*{found}'):
        model.restore_training_state({**tensors, name: tensor}, data)
