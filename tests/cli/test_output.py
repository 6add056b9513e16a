"""What the commands print of names from outside."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest

from i2ikit.cli import main
from i2ikit.cli.output import echo
from i2ikit.data import faces
from i2ikit.train.progress import Lines

EVIL = "\x1b[31mred\u202e"
SHOWN = r"\x1b[31mred\u202e"


def test_an_error_shows_control_characters_of_a_path(run_cli) -> None:
    result = run_cli("page", f"runs/{EVIL}\nerror: other")
    assert result.code == 2
    assert SHOWN in result.err
    assert "\x1b" not in result.err
    assert result.err.count("\n") == 1


def test_an_error_of_click_shows_control_characters(run_cli) -> None:
    result = run_cli("data", "make", "faces", "x", "--count", EVIL)
    assert result.code == 2
    assert SHOWN in result.err
    assert "\x1b" not in result.err


def test_a_warning_shows_control_characters(run_cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "none"]) == 0
    warnings.showwarning(UserWarning(EVIL), UserWarning, "file", 1)
    assert f"warning: {SHOWN}\n" in capsys.readouterr().err


def test_a_report_shows_control_characters_of_folders(tmp_path: Path, run_cli) -> None:
    faces.write_faces(tmp_path / f"faces{EVIL}", 4, 16, views=False)
    result = run_cli("data", "check", tmp_path / f"faces{EVIL}")
    assert SHOWN in result.out
    assert "\x1b" not in result.out + result.err


def test_a_line_of_progress_shows_control_characters() -> None:
    file = io.StringIO()
    Lines(file).say(EVIL)
    assert file.getvalue() == f"{SHOWN}\n"


def test_lone_surrogates_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    echo("name-\udcff.png")
    assert capsys.readouterr().out == "name-\\udcff.png\n"
