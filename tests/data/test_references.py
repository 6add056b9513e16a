"""Batches with reference images: further images that share one other label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from data.batches import are_equal

from i2ikit import BatchKind
from i2ikit.data import Loader, Transform, open_data
from i2ikit.data.references import References


def make_loader(path: Path, **options: Any) -> Loader:
    return Loader(open_data(path, batch_kind="labelled", holdout=0), Transform(8, 8, flip=True), batch=4, seed=7, **options)


TWO_REFERENCES = BatchKind("two references", label="required", references=2)


def test_two_references_share_one_other_label_and_depend_only_on_seed_epoch_and_position(people: Path) -> None:
    loader = make_loader(people, kind=TWO_REFERENCES)
    batches = [next(loader) for _ in range(20)]
    for batch in batches:
        assert set(batch) == {"file", "image", "label", "reference", "second_reference", "reference_label"}
        assert batch["reference"].shape == batch["second_reference"].shape == batch["image"].shape
        assert not (batch["reference_label"] * batch["label"]).any()
        assert not any(one.equal(other) for one, other in zip(batch["reference"], batch["second_reference"], strict=True))
    assert {int(label.argmax()) for batch in batches for label in batch["reference_label"]} == {0, 1, 2}
    assert are_equal(make_loader(people, kind=TWO_REFERENCES, workers=2).get_batch(3, 1), loader.get_batch(3, 1))
    halves = [make_loader(people, kind=TWO_REFERENCES, rank=rank, world=2).get_batch(0, 0) for rank in (0, 1)]
    for name in ("reference", "second_reference", "reference_label"):
        assert torch.cat([half[name] for half in halves]).equal(loader.get_batch(0, 0)[name])


def test_references_do_not_change_the_other_draws(people: Path) -> None:
    plain, more = make_loader(people), make_loader(people, kind=TWO_REFERENCES)
    for _ in range(4):
        one, other = next(plain), next(more)
        assert are_equal(one, {name: other[name] for name in one})


def test_references_know_the_same_label_sets() -> None:
    labels = torch.tensor([[1, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=torch.float32)
    references = References(labels, [tuple(label) for label in labels[:, 2:].tolist()], 4)
    generator = torch.Generator().manual_seed(0)
    assert [references.choose(row, 2, generator) for row in range(4)] == [[1, 1], [0, 0], [3, 3], [2, 2]]
