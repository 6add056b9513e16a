"""The expected time of a training on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from toy_training import assert_same_state, train

from i2ikit.cli.long_training import make_confirmation
from i2ikit.errors import OptionError
from i2ikit.train import expected_time


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure trainings of a few steps, too."""
    monkeypatch.setattr(expected_time, "MIN_STEPS", 3)


def test_measuring_the_time_does_not_change_the_training(tmp_path: Path) -> None:
    found: list[float] = []
    train(tmp_path / "one", 4, confirm=found.append)
    train(tmp_path / "other", 4)
    assert_same_state(tmp_path / "one", tmp_path / "other")
    assert len(found) == 1
    assert found[0] > 0


def test_a_short_training_is_not_measured(tmp_path: Path) -> None:
    train(tmp_path / "run", 2, confirm=lambda _: pytest.fail("measured"))


def test_a_training_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    def refuse(_: float) -> None:
        raise OptionError("too long")

    with pytest.raises(OptionError, match="too long"):
        train(tmp_path / "run", 4, confirm=refuse)
    assert not (tmp_path / "run/run.json").exists()
    assert train(tmp_path / "run", 4).steps_done == 4


def test_a_step_of_all_players_counts_once_in_a_cycle() -> None:
    assert expected_time.estimate_step([9.0, 1.0, 1.0, 1.0, 5.0], 4) == 2.0
    assert expected_time.estimate_step([5.0, 1.0, 1.0], 4) == 2.0
    assert expected_time.estimate_step([60.0], 4) == 60.0


@pytest.mark.parametrize(
    ("hours", "terminal", "agreed", "answer", "asked"),
    [(30, True, False, True, True), (30, True, False, False, True), (30, True, True, False, False), (30, False, False, False, False),
     (20, True, False, False, False)],
)  # fmt: skip
def test_a_training_of_more_than_a_day_is_confirmed_in_a_terminal(
    hours: float, terminal: bool, agreed: bool, answer: bool, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[Any] = []
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(click, "confirm", lambda question: questions.append(question) or answer)
    lines: list[str] = []
    confirm = make_confirmation(lines.append, is_agreed=agreed)
    if asked and not answer:
        with pytest.raises(OptionError, match=r"was not started\. --yes starts it"):
            confirm(hours * 3600)
    else:
        confirm(hours * 3600)
    assert bool(questions) == asked
    assert lines[0].startswith(f"On this CPU the training takes about {hours} h 00 min. To shorten it: --minutes N, a smaller --size")
