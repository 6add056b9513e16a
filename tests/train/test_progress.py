"""The progress of a training: lines that fit the terminal, the remaining time with and without one, and other tasks."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from i2ikit.train import progress, progress_bar
from i2ikit.train.progress import Lines
from i2ikit.train.progress_bar import Bar, split_losses

LONG = {
    f"{player}/{term}": 0.123456 for player in ("discriminator", "translator") for term in ("adversarial", "domain", "penalty", "cycle")
}
RECORD: dict[str, Any] = {"step": 12_345, "seconds": 60.0, "lr": 1e-4, "images_per_second": 135.2, "loader_share": 0.0, **LONG}


class Clock:
    """Stands in for the module time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    monkeypatch.setattr(progress_bar, "time", found)
    return found


def make_bar(width: int, clock: Clock, record: dict[str, Any] = RECORD) -> Bar:
    bar = Bar(Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False))
    bar._clock.begin(0, 100_000)
    bar._has_begun = True
    clock.now += 60.0
    bar.report(record)
    return bar


def render(bar: Bar) -> list[str]:
    lines = bar._console.render_lines(bar.render(), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize("width", [12, 20, 40, 60, 80, 200])
def test_the_bar_takes_two_lines_that_fit_the_terminal(width: int, clock: Clock) -> None:
    lines = render(make_bar(width, clock))
    assert len(lines) == 2
    assert max(map(len, lines)) < width


def test_in_eighty_columns_the_first_line_has_steps_bar_remaining_time_and_speed(clock: Clock) -> None:
    line = render(make_bar(80, clock))[0]
    assert line.startswith("step 12,345/100,000  ")
    assert "━" * 8 in line
    assert line.rstrip().endswith("7 min left  135 images/s")


def test_a_narrow_terminal_keeps_steps_and_remaining_time(clock: Clock) -> None:
    assert render(make_bar(40, clock))[0].rstrip() == "step 12,345/100,000  7 min left"
    assert render(make_bar(45, clock))[0].count("━") >= 8


def test_losses_that_do_not_fit_are_shown_by_turns(clock: Clock) -> None:
    bar, shown = make_bar(40, clock), set()
    for _ in range(12):
        clock.now += progress_bar.TURN
        shown |= {word for word in render(bar)[1].split() if word.isalpha()}
    assert shown == {"discriminator", "translator", "adversarial", "domain", "penalty", "cycle"}


def test_losses_that_fit_are_one_line() -> None:
    losses = {"discriminator": ["adversarial 0.5"], "translator": ["cycle 0.1", "domain 0.2"]}
    assert split_losses(losses, 80) == ["discriminator adversarial 0.5 | translator cycle 0.1 domain 0.2"]


def test_a_task_takes_the_line_of_the_losses_until_it_is_done(clock: Clock) -> None:
    bar = make_bar(80, clock)
    bar.show_task("Evaluating", 0, 10)
    clock.now += 10
    bar.show_task("Evaluating", 5, 10)
    assert render(bar)[1] == "Evaluating  5/10  10 s left"
    bar.show_task("Evaluating", 10, 10)
    assert "Evaluating" not in render(bar)[1]


def test_a_task_before_the_training_is_shown_alone(clock: Clock) -> None:
    bar = Bar(Console(file=io.StringIO(), width=80, force_terminal=True, highlight=False))
    bar.show_task("Evaluating", 0, 10)
    (line,) = render(bar)
    assert line.startswith("Evaluating ")
    assert line.endswith(" 0/10")
    bar.show_task("Evaluating", 10, 10)
    bar.begin(0, 5)
    assert render(bar)[0].startswith("step 0/5")
    bar.close()


def test_without_a_terminal_slow_steps_are_shown_with_the_remaining_time(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.begin(0, 100)
    for done in range(1, 7):
        clock.now += 30.0
        lines.advance(done)
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["step 2/100  49 min left", "step 4/100  48 min left", "step 6/100  47 min left"]


def test_without_a_terminal_a_long_task_is_shown_from_time_to_time(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for done in range(0, 101, 5):
        lines.show_task("Evaluating", done, 100)
        clock.now += 5.0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "Evaluating: 15 of 100  85 s left"
    assert 4 <= len(shown) <= 8


def test_a_short_task_without_a_terminal_shows_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for done in range(11):
        lines.show_task("Evaluating", done, 10)
    assert capsys.readouterr().out == ""


def test_numbers_of_an_evaluation_are_one_line_with_the_chosen_number_first() -> None:
    numbers = {"psnr": 20.0, "psnr_copy": 19.0, "ssim": 0.5, "psnr/hair": 21.0, **{f"ssim/{index}": 0.1 for index in range(30)}}
    assert progress.format_evaluation(40, numbers, "psnr/hair", 50) == "step 40  psnr/hair 21  psnr 20  ssim 0.5"
    assert len(progress.format_evaluation(40, numbers)) < 80
