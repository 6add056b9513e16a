"""Evaluations during a training, and the best model."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from toy_training import read_losses, train

from i2ikit import Model, load, resume
from i2ikit.core import storage
from i2ikit.errors import OptionError


def test_the_last_checkpoints_and_the_best_model_are_kept(tmp_path: Path) -> None:
    scores = {0: 0.0, 2: 1.0, 4: 3.0, 6: 2.0}

    def validate(model: Model) -> dict[str, float]:
        return {"psnr": scores[model.steps_done]}

    train(tmp_path / "run", 6, checkpoint_every=1, keep=3, evaluate_every=2, validate=validate, best="psnr")
    assert sorted(each.name for each in (tmp_path / "run/checkpoints").iterdir()) == [f"step-0000000{each}" for each in (4, 5, 6)]
    assert load(tmp_path / "run/best").steps_done == 4
    assert [line["psnr"] for line in read_losses(tmp_path / "run") if line.get("event") == "evaluated"] == [1.0, 3.0, 2.0]


def test_a_number_that_is_nan_is_never_the_best(tmp_path: Path) -> None:
    scores = {0: 0.0, 2: math.nan, 4: 3.0, 6: math.nan}
    train(tmp_path / "run", 6, evaluate_every=2, validate=lambda model: {"psnr": scores[model.steps_done]}, best="psnr")
    assert load(tmp_path / "run/best").steps_done == 4


def test_a_misspelt_best_is_found_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r'^best="-mea" is not among the numbers of the evaluation\. Did you mean "mae"\?'):
        train(tmp_path / "run", 4, validate=lambda model: {"mae": 1.0, "ssim": 2.0}, best="-mea")
    assert not (tmp_path / "run").exists()


def test_a_best_model_without_evaluations_is_refused(tmp_path: Path) -> None:
    message = r'^best="psnr" requires evaluations, but evaluate_every is 0\. Give evaluate_every=N, or leave best out\.$'
    with pytest.raises(OptionError, match=message):
        train(tmp_path / "run", 1, validate=lambda model: {"psnr": 1.0}, best="psnr", evaluate_every=0)
    assert not (tmp_path / "run").exists()
    train(tmp_path / "plain", 1)
    with pytest.raises(OptionError, match=message):
        resume(tmp_path / "plain", best="psnr", allow=["train.best"])


def test_looking_for_the_best_does_not_change_the_random_states_at_the_start(tmp_path: Path) -> None:
    train(tmp_path / "plain", 1)
    train(tmp_path / "best", 1, validate=lambda model: {"draw": float(torch.rand(()))}, best="draw")
    first = "checkpoints/step-00000000/state.safetensors"
    one, two = (storage.read_tensors(tmp_path / name / first) for name in ("plain", "best"))
    assert {name for name in one if not torch.equal(one[name], two[name])} == set()
    assert "random.torch" in one


def test_a_minus_before_the_best_keeps_the_smallest(tmp_path: Path) -> None:
    train(tmp_path / "run", 4, evaluate_every=1, validate=lambda model: {"mae": abs(model.steps_done - 2.0)}, best="-mae")
    assert load(tmp_path / "run/best").steps_done == 2


def test_an_evaluation_that_fails_does_not_end_the_training(tmp_path: Path) -> None:
    def validate(model: Model) -> dict[str, float]:
        raise RuntimeError("out of memory")

    with pytest.warns(UserWarning, match="The evaluation failed"):
        assert train(tmp_path / "run", 4, evaluate_every=1, validate=validate).steps_done == 4
