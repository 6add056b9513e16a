"""The batches of a training step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from toy_training import DATA, LABELS, make_model

from i2ikit import open_data
from i2ikit.core.plans import PLANS
from i2ikit.errors import DataError
from i2ikit.train import fit
from i2ikit.train.progress import Silent


def test_data_of_another_batch_kind_or_with_other_labels_is_refused(tmp_path: Path) -> None:
    data = open_data("faces:count=24,size=16")
    with pytest.raises(DataError, match=r'"faces" has the label "hat" .*no label "hat".*labels=data\.domain'):
        fit(make_model(), data, tmp_path / "run", steps=1, progress=Silent())
    model = make_model()
    model.recipe, model.plan = evolve(model.recipe, plan="paired"), PLANS["paired"]
    with pytest.raises(DataError, match=r'"stargan-fast" requires paired data; "faces" is labelled.*batch_kind="paired"'):
        fit(model, data, tmp_path / "run", steps=1, progress=Silent())
    assert not (tmp_path / "run").exists()


def test_each_of_two_data_sets_provides_one_batch_in_each_step(tmp_path: Path) -> None:
    from i2ikit.data import join

    looks, moods = open_data(DATA, labels=LABELS), open_data(DATA, labels=("expression",))
    model = make_model(labels=join([looks, moods])[0].domain)
    counts: list[int] = []
    step = model.step

    def count_batches(batches: Any, **options: Any) -> Any:
        counts.append(len(batches))
        assert [batch["label"][:, model.domain.num_values :].tolist()[0] for batch in batches] == [[1.0, 0.0], [0.0, 1.0]]
        return step(batches, **options)

    model.step = count_batches  # type: ignore[method-assign]
    fit(model, [looks, moods], tmp_path / "run", steps=2, sample_every=0, progress=Silent())
    assert counts == [2, 2]
