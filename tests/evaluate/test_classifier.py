"""The reference classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve

from i2ikit.core.domain import Attribute
from i2ikit.errors import CheckpointError, DataError
from i2ikit.evaluate import Classifier, Preparation, load_reference, reference_classifier
from i2ikit.evaluate import reference as module
from i2ikit.evaluate.classifier import choices_of, train

PREPARE = Preparation(16, 16)


def test_it_learns_a_tiny_set_and_knows_how_well(squares: Any) -> None:
    reference = reference_classifier(squares, PREPARE, steps=80)
    assert reference.accuracy["tone"] >= 0.95
    assert reference.counts == {"tone": 9, "side": 6}


def test_equal_seeds_give_equal_weights_and_others_do_not(squares: Any) -> None:
    first, second, other = (reference_classifier(squares, PREPARE, steps=3, seed=seed).classifier for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert not torch.equal(first.head.weight, other.head.weight)


def test_training_leaves_the_global_random_state_alone(squares: Any) -> None:
    before = torch.random.get_rng_state()
    reference_classifier(squares, PREPARE, steps=2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_unknown_values_do_not_train_it() -> None:
    attributes = [Attribute("tone", ("red", "blue")), Attribute("glasses")]
    classifier = Classifier(attributes, 1, 8, 8)
    images = torch.rand(16, 1, 8, 8)
    known = torch.stack([torch.arange(16) % 2, torch.full((16,), -1)], dim=1)
    train(classifier, images, known, steps=1)
    half = classifier.head.weight[2:].clone()
    train(classifier, images, known.clone().fill_(-1), steps=1, rate=0.1)
    decayed = classifier.head.weight[2:] / half
    assert torch.allclose(decayed, decayed.mean().expand_as(decayed), atol=1e-4)


def test_choices_are_minus_one_where_unknown_or_none() -> None:
    attributes = [Attribute("hair", ("black", "blond")), Attribute("hat")]
    rows = [{"hair": "blond", "hat": "no"}, {"hair": "none", "hat": None}, {}]
    assert choices_of(attributes, rows).tolist() == [[1, 0], [-1, -1], [-1, -1]]


def test_large_images_are_read_at_64_pixels() -> None:
    classifier = Classifier([Attribute("hat")], 3, 256, 128)
    assert classifier.size == (64, 32)
    assert classifier.logits(torch.zeros(2, 3, 256, 128))["hat"].shape == (2, 2)


def test_it_is_kept_in_a_folder_and_reads_the_same(squares: Any, tmp_path: Path) -> None:
    made = reference_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=3)
    kept = load_reference(tmp_path / "classifier")
    images = torch.rand(4, 3, 16, 16)
    assert torch.equal(made.classifier(images), kept.classifier(images))
    assert (kept.config, kept.accuracy, kept.counts) == (made.config, made.accuracy, made.counts)
    assert sorted(path.name for path in (tmp_path / "classifier").iterdir()) == ["classifier.json", "weights.safetensors"]


def test_the_kept_one_is_used_for_the_same_data_only(
    squares: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_squares: Any
) -> None:
    reference_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=2)
    trained = []
    monkeypatch.setattr(module, "train", lambda *_, **__: trained.append(1))
    reference_classifier(squares, PREPARE, cache=tmp_path / "classifier", steps=2)
    assert trained == []
    reference_classifier(make_squares(subjects=8), PREPARE, cache=tmp_path / "classifier", steps=2)
    reference_classifier(squares, evolve(PREPARE, resize="bilinear"), cache=tmp_path / "classifier", steps=2)
    assert trained == [1, 1]


def test_a_damaged_cache_is_trained_again_and_a_damaged_folder_is_refused(squares: Any, tmp_path: Path) -> None:
    folder = tmp_path / "classifier"
    reference_classifier(squares, PREPARE, cache=folder, steps=2)
    (folder / "weights.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_reference(folder)
    reference_classifier(squares, PREPARE, cache=folder, steps=2)
    load_reference(folder)


def test_a_folder_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    (tmp_path / "classifier.json").write_text(json.dumps({"something": "else"}))
    with pytest.raises(CheckpointError, match="holds no reference classifier"):
        load_reference(tmp_path)


def test_data_without_a_training_split_is_refused(squares: Any) -> None:
    with pytest.raises(DataError, match='"squares" has no split "train"'):
        reference_classifier(squares.split("test"), PREPARE)
