"""Planning the number of steps for a training time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from i2ikit.train import FitOptions, time_budget


def test_a_slow_first_step_does_not_change_the_planned_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = iter([40.0, 0.2, 0.2, *([0.2] * 100)])
    clock = {"now": 0.0}

    def step(*_: object, **__: object) -> None:
        clock["now"] += next(durations)

    model = SimpleNamespace(recipe=SimpleNamespace(players=()), engine=None, step=step, raise_if_not_finite=lambda: None)
    batches = SimpleNamespace(state=lambda: 0, restore=lambda _: None, next=dict)
    engine = SimpleNamespace(device=torch.device("cpu"), mean=lambda each: each, broadcast=lambda each: each)
    monkeypatch.setattr(time_budget.time, "perf_counter", lambda: clock["now"])
    monkeypatch.setattr(time_budget.copy, "deepcopy", lambda each, _: each)
    trainer = SimpleNamespace(model=model, batches=batches, engine=engine, options=FitOptions())
    steps, seconds = time_budget.plan_steps(trainer, 2.0)  # type: ignore[arg-type]
    assert seconds == pytest.approx(0.2)
    assert steps > 300
