"""``i2ikit data check`` and ``i2ikit data make``."""

from __future__ import annotations

import click
import pytest


def test_faces_are_made_and_the_check_prints_the_command_that_trains_on_them(i2i, tmp_path) -> None:
    place = tmp_path / "faces"
    said = i2i("data", "make", "faces", place, "--count", 20, "--size", 16, "--no-views")
    assert said == (0, f"20 faces of 16x16 pixels in {place}\nlook at them with: i2ikit data check {place}\n", "")
    said = i2i("data", "check", place)
    assert said.code == 0
    assert said.out.startswith(f"{place}: labelled, 20 images\n")
    assert said.out.endswith(
        f"train with:\n  i2ikit train stargan --data {place} --labels hair,glasses,hat,expression --size 32 --run runs/{place.stem}\n"
    )


def test_a_check_that_finds_a_damaged_file_says_so_and_ends_with_2(i2i, tmp_path) -> None:
    i2i("data", "make", "faces", tmp_path / "faces", "--count", 6, "--size", 16, "--no-views")
    (tmp_path / "faces" / "images" / "000003.png").write_bytes(b"")
    said = i2i("data", "check", tmp_path / "faces")
    assert said.code == 2
    assert 'unreadable: Image "images/000003.png" is empty (0 bytes). Replace or remove it.' in said.out


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_missing_or_an_empty_folder_is_one_line(i2i, tmp_path, name) -> None:
    (tmp_path / "empty").mkdir()
    said = i2i("data", "check", tmp_path / name)
    assert (said.code, said.out) == (2, "")
    found = {
        "nowhere": f'There is no data at "{tmp_path / "nowhere"}". Available: empty.',
        "empty": f'"{tmp_path / "empty"}" is empty. Put images in it: one folder a domain, or a table attributes.csv beside them.',
    }
    assert said.err == f"error: {found[name]}\n"


def test_faces_are_not_written_over_something(i2i, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = i2i("data", "make", "faces", tmp_path, "--count", 2)
    assert said == (2, "", f'error: "{tmp_path}" is not empty. Name a new or empty folder for the faces.\n')
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_terminal_shows_the_same_counts_as_tables(i2i, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    said = i2i("data", "check", "faces:count=40,size=16")
    assert said.code == 0
    for words in ("labelled, 40 images", "hair", "neutral", "all files can be read", "--size 32"):
        assert words in said.out


def test_brackets_in_names_are_shown_on_a_terminal_as_they_are(i2i, monkeypatch, tmp_path) -> None:
    place = tmp_path / "faces [/old] [bold]"
    i2i("data", "make", "faces", place, "--count", 40, "--size", 16, "--no-views")
    table = place / "attributes.csv"
    table.write_text(table.read_text().replace("hair", "[hair]").replace("neutral", "[red]neutral"))
    plain = i2i("data", "check", place, "--labels", "[hair],expression")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    said = i2i("data", "check", place, "--labels", "[hair],expression")
    shown = click.unstyle(said.out)
    assert said.code == plain.code == 0
    assert shown.startswith(f"{place}: labelled, 40 images\n")
    assert "[hair]" in shown
    assert "[red]neutral" in shown
    assert shown.splitlines()[-1] == plain.out.splitlines()[-1]
