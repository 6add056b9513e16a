"""``i2ikit data check`` and ``i2ikit data make``."""

from __future__ import annotations

import re

import click
import pytest

from i2ikit.errors import OptionError

DURATION = "On this machine it takes about 9 min (10,000 steps of 54 ms)."  # of the fixture no_measured_steps


def test_make_faces_and_check_them(run_cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: False)
    place = tmp_path / "faces"
    result = run_cli("data", "make", "faces", place, "--count", 20, "--size", 16, "--no-views")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"20 faces of 16x16 pixels in {place}\n")
    assert f"i2ikit data check {place}\n" in result.out
    result = run_cli("data", "check", place)
    assert result.code == 0
    assert result.out.startswith(f"{place}: labelled, 20 images\n")
    assert result.out.endswith(
        f"  i2ikit train stargan-fast --data {place} --labels hair,glasses,hat,expression --size 16 --run runs/{place.stem}\n{DURATION}\n"
    )


@pytest.mark.measured
def test_check_measures_how_long_the_training_takes_on_a_cpu(run_cli, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: False)
    monkeypatch.setattr("i2ikit.cli.training_time.CHECK_SECONDS", 0.0)  # one step
    monkeypatch.chdir(tmp_path)
    result = run_cli("data", "check", "faces:count=12,size=16")
    assert re.search(r"On this machine it takes about [\d h]+ (s|min) \(10,000 steps of [\d.]+ (ms|s)\)", result.out)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gpu", [True, False])
def test_check_says_no_time_that_it_cannot_measure(run_cli, monkeypatch, gpu) -> None:
    def fail(command: str) -> str:
        raise OptionError("no")

    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: gpu)
    monkeypatch.setattr("i2ikit.cli.training_time.describe_duration", fail)
    result = run_cli("data", "check", "faces:count=12,size=16")
    assert result.code == 0
    assert ("--minutes 30" in result.out) is not gpu


def test_check_reports_a_damaged_file_with_exit_code_2(run_cli, tmp_path) -> None:
    run_cli("data", "make", "faces", tmp_path / "faces", "--count", 6, "--size", 16, "--no-views")
    (tmp_path / "faces" / "images" / "000003.png").write_bytes(b"")
    result = run_cli("data", "check", tmp_path / "faces")
    assert result.code == 2
    assert 'unreadable: Image "images/000003.png" is empty (0 bytes)' in result.out


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_check_reports_a_missing_or_empty_folder_in_one_line(run_cli, tmp_path, name) -> None:
    (tmp_path / "empty").mkdir()
    result = run_cli("data", "check", tmp_path / name)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    for word in (f'"{tmp_path / name}"', *{"nowhere": ["Available: empty."], "empty": ["is empty", "attributes.csv"]}[name]):
        assert word in result.err


@pytest.mark.parametrize("kind", ["labelled", "paired"])
def test_check_reads_data_as_the_given_kind(run_cli, kind) -> None:
    result = run_cli("data", "check", "faces:count=12,size=16", "--batch-kind", kind)
    if kind == "labelled":
        assert result.out.startswith("faces:count=12,size=16: labelled, 12 images\n")
    else:
        assert (result.code, result.out) == (2, "")
        assert "paired" in result.err


def test_make_faces_refuses_a_folder_that_is_not_empty(run_cli, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run_cli("data", "make", "faces", tmp_path, "--count", 2)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f'error: "{tmp_path}" is not empty.')
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_check_shows_tables_on_a_terminal(run_cli, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    result = run_cli("data", "check", "faces:count=40,size=16")
    assert result.code == 0
    for words in ("labelled, 40 images", "hair", "neutral", "--size 16"):
        assert words in result.out


def test_tables_show_brackets_in_names_unchanged(run_cli, monkeypatch, tmp_path) -> None:
    place = tmp_path / "faces [/old] [bold]"
    run_cli("data", "make", "faces", place, "--count", 40, "--size", 16, "--no-views")
    table = place / "attributes.csv"
    table.write_text(table.read_text().replace("hair", "[hair]").replace("neutral", "[red]neutral"))
    plain = run_cli("data", "check", place, "--labels", "[hair],expression")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    result = run_cli("data", "check", place, "--labels", "[hair],expression")
    shown = click.unstyle(result.out)
    assert result.code == plain.code == 0
    assert shown.startswith(f"{place}: labelled, 40 images\n")
    assert "[hair]" in shown
    assert "[red]neutral" in shown
    assert shown.splitlines()[-1] == plain.out.splitlines()[-1]
