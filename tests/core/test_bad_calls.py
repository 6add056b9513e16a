"""Bad values in every argument of every public function: an error of the library in one line, never one from deep within."""

from __future__ import annotations

from pathlib import Path

from campaigns.outcome import call
from campaigns.python_calls import make_calls
from toy_training import train

import i2ikit


def test_bad_values_are_named_in_one_line(tmp_path: Path) -> None:
    train(tmp_path / "run", 2)
    (tmp_path / "out").mkdir()
    problems, count = {}, 0
    for what, function in make_calls(tmp_path / "run", tmp_path / "out", seed=0, each=2):
        count += 1
        if problem := call(function):
            problems[what] = problem
    assert count > 250
    assert problems == {}


def test_the_campaign_calls_the_functions_that_users_call(tmp_path: Path) -> None:
    train(tmp_path / "run", 2)
    called = {what.partition("(")[0] for what, _ in make_calls(tmp_path / "run", tmp_path, seed=0, each=1)}
    functions = {name for name in i2ikit.__all__ if name[0].islower() and callable(getattr(i2ikit, name))}
    without_arguments = {"tune_cpu"}
    for_plugins = {"batch_kind", "default_registry", "detached_after_update", "draw_style", "hookimpl", "view"}
    assert functions - for_plugins - without_arguments <= called
