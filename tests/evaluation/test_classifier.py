"""The evaluation classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve

from i2ikit.core.domain import Attribute
from i2ikit.errors import CheckpointError, DataError
from i2ikit.evaluation import Classifier, Preparation, load_evaluation_classifier, make_evaluation_classifier
from i2ikit.evaluation import evaluation_classifier as module
from i2ikit.evaluation.classifier import encode_choices, train

PREPARE = Preparation(16, 16)


def test_it_learns_a_tiny_set_and_records_its_accuracy(squares: Any) -> None:
    classifier = make_evaluation_classifier(squares, PREPARE, steps=80)
    assert classifier.accuracy["tone"] >= 0.95
    assert classifier.counts == {"tone": 9, "side": 6}


def test_equal_seeds_give_equal_weights_and_others_do_not(squares: Any) -> None:
    first, second, other = (make_evaluation_classifier(squares, PREPARE, steps=3, seed=seed).network for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert not torch.equal(first.head.weight, other.head.weight)


def test_training_leaves_the_global_random_state_unchanged(squares: Any) -> None:
    before = torch.random.get_rng_state()
    make_evaluation_classifier(squares, PREPARE, steps=2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_unknown_values_do_not_train_it() -> None:
    attributes = [Attribute("tone", ("red", "blue")), Attribute("glasses")]
    classifier = Classifier(attributes, 1, 8, 8)
    images = torch.rand(16, 1, 8, 8)
    choices = torch.stack([torch.arange(16) % 2, torch.full((16,), -1)], dim=1)
    train(classifier, images, choices, steps=1)
    half = classifier.head.weight[2:].clone()
    train(classifier, images, choices.clone().fill_(-1), steps=1, max_lr=0.1)
    decayed = classifier.head.weight[2:] / half
    assert torch.allclose(decayed, decayed.mean().expand_as(decayed), atol=1e-4)


def test_choices_are_minus_one_where_unknown_or_none() -> None:
    attributes = [Attribute("hair", ("black", "blond")), Attribute("hat")]
    rows = [{"hair": "blond", "hat": "no"}, {"hair": "none", "hat": None}, {}]
    assert encode_choices(attributes, rows).tolist() == [[1, 0], [-1, -1], [-1, -1]]


def test_large_images_are_reduced_to_64_pixels() -> None:
    classifier = Classifier([Attribute("hat")], 3, 256, 128)
    assert classifier.size == (64, 32)
    assert classifier.logits(torch.zeros(2, 3, 256, 128))["hat"].shape == (2, 2)


def test_a_loaded_classifier_equals_the_saved_one(squares: Any, tmp_path: Path) -> None:
    saved = make_evaluation_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=3)
    loaded = load_evaluation_classifier(tmp_path / "classifier")
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(saved.network(images), loaded.network(images))
    assert (loaded.config, loaded.accuracy, loaded.counts) == (saved.config, saved.accuracy, saved.counts)
    assert sorted(path.name for path in (tmp_path / "classifier").iterdir()) == ["classifier.json", "weights.safetensors"]


def test_the_cached_classifier_is_used_for_the_same_data_only(
    squares: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_squares: Any
) -> None:
    make_evaluation_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=2)
    trained = []
    monkeypatch.setattr(module, "train", lambda *_, **__: trained.append(1))
    make_evaluation_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=2)
    assert trained == []
    make_evaluation_classifier(make_squares(subjects=8), PREPARE, cache=tmp_path / "classifier", steps=2)
    make_evaluation_classifier(squares, evolve(PREPARE, resize="bilinear"), cache=tmp_path / "classifier", steps=2)
    assert trained == [1, 1]


def test_a_damaged_cache_is_trained_again_and_a_damaged_folder_is_refused(squares: Any, tmp_path: Path) -> None:
    folder = tmp_path / "classifier"
    make_evaluation_classifier(squares, PREPARE, cache=folder, steps=2)
    (folder / "weights.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_evaluation_classifier(folder)
    make_evaluation_classifier(squares, PREPARE, cache=folder, steps=2)
    load_evaluation_classifier(folder)


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classifier.json").write_text(json.dumps({"something": "else"}))
    with pytest.raises(CheckpointError, match="does not hold an evaluation classifier"):
        load_evaluation_classifier(tmp_path)


def test_data_without_a_training_split_is_refused(squares: Any) -> None:
    with pytest.raises(DataError, match='"squares" has no split "train"'):
        make_evaluation_classifier(squares.split("test"), PREPARE)
