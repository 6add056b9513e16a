"""The estimated time of an evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from i2ikit import build, open_data
from i2ikit.data import Dataset
from i2ikit.evaluation import estimate, evaluate
from i2ikit.evaluation.estimate import estimate_seconds

SMALL = {"size": 16, "generator": {"width": 8, "blocks": 1}, "rehearsal": False}


class Clock:
    """Stands in for the module time; each translated image takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def data() -> Dataset:
    return open_data("faces:count=120,size=16", labels=["hair"])


def make_slow_model(data: Dataset, clock: Clock) -> Any:
    model = build("stargan", labels=data.domain, **SMALL)
    translate = model.translate

    def translate_slowly(image: torch.Tensor, **options: Any) -> torch.Tensor:
        clock.now += len(image)
        return translate(image, **options)

    model.translate = translate_slowly  # type: ignore[method-assign]
    return model


def test_the_estimate_is_the_time_of_the_evaluation(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(estimate, "time", clock)
    monkeypatch.setattr(estimate, "estimate_training", lambda *_, **__: 100.0)
    model = make_slow_model(data, clock)
    estimated = estimate_seconds(model, data)
    measuring = clock.now
    evaluate(model, data, classifier=None)
    assert estimated == pytest.approx(clock.now - measuring + 100.0)
    assert measuring < 0.5 * (clock.now - measuring)


def test_data_without_a_test_split_takes_no_time(data: Dataset) -> None:
    assert estimate_seconds(build("stargan", labels=data.domain, **SMALL), data.split("train")) == 0.0


def test_the_training_of_the_classifier_is_part_of_the_estimate(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.evaluation import evaluation_classifier

    steps: list[int] = []
    monkeypatch.setattr(evaluation_classifier, "train", lambda *_, steps, **__: steps_done(steps))

    def steps_done(count: int) -> None:
        steps.append(count)

    estimate_seconds(build("stargan", labels=data.domain, **SMALL), data)
    assert steps == [evaluation_classifier.TRIAL_STEPS]
