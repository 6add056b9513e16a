"""Bad values in every option and argument of every command: one line and exit code 2, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaigns.command_lines import list_base_words, list_commands, make_command_lines
from campaigns.outcome import run_command
from PIL import Image
from toy_training import train

LONG = ("demo", "bench", "eval")
"""Commands that work for seconds where a bad value is none for them; ``benchmarks/reliability.py`` tries them."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "finished"
    train(run, 2)
    return run


def test_every_command_has_words_with_which_it_does_little(tmp_path: Path) -> None:
    assert list_base_words(tmp_path, tmp_path).keys() == list_commands().keys()


def test_bad_values_are_named_in_one_line(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    problems, count = {}, 0
    for words in make_command_lines(finished, tmp_path, seed=0, each=1):
        if words[0] in LONG:
            continue
        Image.new("RGB", (16, 16)).save(tmp_path / "in.png")
        count += 1
        if problem := run_command(words).problem:
            problems[" ".join(words)[:300]] = problem
    assert count > 70
    assert problems == {}
