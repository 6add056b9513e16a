"""What a step is fed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from toy_training import DATA, LABELS, model

from i2ikit import open_data
from i2ikit.core.plans import PLANS
from i2ikit.errors import DataError
from i2ikit.train import fit
from i2ikit.train.progress import Silent


def test_data_of_another_kind_or_with_other_labels_is_refused(tmp_path: Path) -> None:
    data = open_data("faces:count=24,size=16")
    with pytest.raises(DataError, match=r'"faces" has the label "hat" .* and the model does not know "hat"'):
        fit(model(), data, tmp_path / "run", steps=1, progress=Silent())
    made = model()
    made.recipe, made.plan = evolve(made.recipe, plan="paired"), PLANS["paired"]
    with pytest.raises(DataError, match='Recipe "stargan-fast" needs paired data; "faces" is labelled'):
        fit(made, data, tmp_path / "run", steps=1, progress=Silent())
    assert not (tmp_path / "run").exists()


def test_two_data_sets_give_a_batch_each_a_round(tmp_path: Path) -> None:
    from i2ikit.data import join

    looks, moods = open_data(DATA, labels=LABELS), open_data(DATA, labels=("expression",))
    made = model(labels=join([looks, moods])[0].domain)
    seen: list[int] = []
    step = made.step

    def format_count(batches: Any, **options: Any) -> Any:
        seen.append(len(batches))
        assert [batch["label"][:, made.domain.content :].tolist()[0] for batch in batches] == [[1.0, 0.0], [0.0, 1.0]]
        return step(batches, **options)

    made.step = format_count  # type: ignore[method-assign]
    fit(made, [looks, moods], tmp_path / "run", steps=2, sample_every=0, progress=Silent())
    assert seen == [2, 2]
