"""Names that belong to a system, and what is near a path that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2ikit.paths import choose_free_path, is_system_name, suggest_path

SYSTEM = (
    ".git", "a/.DS_Store", "@eaDir/1.png", "a/@eaDir/SYNO.jpg", "Thumbs.db", "a/DESKTOP.INI", "__MACOSX/a/1.png", "$Recycle.Bin/1.png",
    "System Volume Information/x", "lost+found/1.png", ".Trash-1000/1.png", "#recycle/1.png", "._1.png", ".ipynb_checkpoints/1.png",
)  # fmt: skip
OTHERS = ("a/1.png", "thumbs/1.png", "recycle/1.png", "a.git/1.png", "desktop.ini/1.png", "@home/1.png", "#1.png", "$5.png")


@pytest.mark.parametrize("name", SYSTEM)
def test_hidden_names_and_those_of_a_system_are_known(name: str) -> None:
    assert is_system_name(name)


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_users_are_not_taken_for_those_of_a_system(name: str) -> None:
    assert not is_system_name(name)


def test_a_missing_path_is_explained_by_its_folder(tmp_path: Path) -> None:
    assert suggest_path(tmp_path / "x") == f'Folder "{tmp_path}" is empty.'
    assert suggest_path(tmp_path / "no/x") == f'Folder "{tmp_path / "no"}" does not exist.'
    (tmp_path / "people").write_text("")
    assert suggest_path(tmp_path / "poeple") == 'Did you mean "people"?'
    assert suggest_path(tmp_path / "people/x") == f'"{tmp_path / "people"}" is a file.'


def test_a_path_that_exists_gets_the_next_free_number(tmp_path: Path) -> None:
    found = []
    for _ in range(3):
        found.append(choose_free_path(tmp_path / "a.b", ".png"))
        found[-1].touch()
    assert [path.name for path in found] == ["a.b.png", "a.b-2.png", "a.b-3.png"]


def test_a_path_that_exists_is_not_suggested_for_itself(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    assert suggest_path(tmp_path / "link") == "It is a link to nothing."
