"""Planning the number of steps for a training time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from attrs import define, field

from i2ikit.train import FitOptions, time_budget


@define
class Recorded:
    """Stands in for trainer, model, batches and engine: each step takes the next of some durations on a clock of its own."""

    durations: Iterator[float]
    options: FitOptions = field(factory=FitOptions)
    now: float = 0.0
    players: tuple[Any, ...] = ()
    seed: int = 0
    device: torch.device = field(factory=lambda: torch.device("cpu"))
    is_main_process: bool = True

    def __getattr__(self, name: str) -> Any:
        if name in ("model", "batches", "engine", "recipe", "averages"):
            return self
        raise AttributeError(name)

    def step(self, *_: Any, **__: Any) -> None:
        self.now += next(self.durations)

    def raise_if_not_finite(self) -> None:
        pass

    def state(self) -> int:
        return 0

    def restore(self, _: int) -> None:
        pass

    def next(self) -> dict[str, Any]:
        return {}

    def mean(self, value: Any) -> Any:
        return value

    def broadcast(self, value: Any) -> Any:
        return value

    @contextmanager
    def swap_in(self) -> Iterator[Any]:
        yield self


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(durations: Iterator[float], **options: Any) -> time_budget.Plan:
        recorded = Recorded(durations)
        recorded.options = FitOptions(**options)
        monkeypatch.setattr(time_budget.time, "perf_counter", lambda: recorded.now)
        monkeypatch.setattr(time_budget.copy, "deepcopy", lambda each, _: each)
        return time_budget.plan_steps(recorded, 2.0)  # type: ignore[arg-type]

    return make


def repeat(seconds: float) -> Iterator[float]:
    return iter([seconds] * 1000)


def test_a_slow_first_step_does_not_change_the_planned_number_of_steps(plan: Any) -> None:
    found = plan(iter([40.0, *[0.2] * 1000]))
    assert found.step_seconds == pytest.approx(0.2)
    assert found.steps > 300


def test_the_time_of_what_follows_the_training_is_kept_free(plan: Any) -> None:
    whole, rest = plan(repeat(0.2)), plan(repeat(0.2), reserve=lambda _: 40.0)
    assert rest.reserved_seconds == 40.0
    assert whole.steps - rest.steps == pytest.approx(40.0 / 0.2, abs=1)


def test_at_most_half_of_the_time_is_kept_free(plan: Any) -> None:
    found = plan(repeat(0.2), reserve=lambda _: 1e6)
    assert found.reserved_seconds == 60.0
    assert found.steps > 200


def test_the_time_of_evaluations_during_the_training_is_kept_free(plan: Any) -> None:
    def validate(recorded: Recorded) -> dict[str, float]:
        recorded.now += 1.5
        return {}

    assert plan(repeat(0.2), validate=validate).reserved_seconds == pytest.approx(20 * 1.5)


def test_an_evaluation_that_fails_does_not_stop_the_planning(plan: Any) -> None:
    def validate(_: Recorded) -> dict[str, float]:
        raise ValueError

    assert plan(repeat(0.2), validate=validate).reserved_seconds == 0.0
