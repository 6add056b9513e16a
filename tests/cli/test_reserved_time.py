"""``--minutes`` contains the evaluation after the training."""

from __future__ import annotations

import pytest

from i2ikit.cli import main

TINY = [
    part
    for each in ("generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2")
    for part in ("--set", each)
]


@pytest.mark.parametrize(("ending", "seconds"), [([], 40.0), (["--no-eval"], 0.0)])
def test_the_time_of_the_evaluation_is_planned(ending: list[str], seconds: float, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from i2ikit.evaluation import estimate
    from i2ikit.train import new_run, time_budget

    reserved = []

    def plan_steps(trainer, _):
        reserved.append(trainer.options.reserve(trainer.model))
        return time_budget.Plan(1, 0.1, reserved[0])

    monkeypatch.setattr(estimate, "estimate_seconds", lambda *_: 40.0)
    monkeypatch.setattr(new_run, "plan_steps", plan_steps)
    monkeypatch.setattr("i2ikit.cli.train.finish_run", lambda *_: 0)
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    words = ["train", "stargan-fast", "--data", "faces:count=24,size=16", *TINY, "--batch", "4", "--sample-every", "0", "--minutes", "9"]
    assert main([*words, "--run", str(tmp_path / "run"), *ending]) == 0
    assert seconds < reserved[0] < seconds + 30
