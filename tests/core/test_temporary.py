"""Temporary files: their modes, and what killed processes leave."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from i2ikit import build
from i2ikit.core import storage
from i2ikit.errors import CheckpointError
from i2ikit.temporary import is_alive, make_temporary_path, remove_folder, remove_leftovers, replace_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems have no umask, and processes are not checked there")

LEAVE = """
import sys
from pathlib import Path
from i2ikit.temporary import make_temporary_path
for kind in ("tmp", "old"):
    folder = make_temporary_path(Path(sys.argv[1]), kind)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(kind)
make_temporary_path(Path(sys.argv[1])).write_text("")
"""


@pytest.fixture(params=[0o027, 0o002])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def leave_files(path: Path) -> None:
    """Leave temporary files of a process that has ended."""
    subprocess.run([sys.executable, "-c", LEAVE, path], check=True, timeout=60)


def test_every_file_of_a_model_follows_the_umask(tmp_path: Path, umask: int) -> None:
    model = build("stargan-fast", size=16, labels={"male": bool}, generator={"width": 4, "blocks": 1}, rehearsal=False)
    model.save_pretrained(tmp_path / "m")
    files = [path for path in (tmp_path / "m").iterdir() if path.is_file()]
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files} == dict.fromkeys(
        ("weights.safetensors", "config.json", "README.md"), oct(0o666 & ~umask)
    )


def test_leftovers_of_a_dead_process_are_removed_and_a_folder_that_was_moved_away_comes_back(tmp_path: Path) -> None:
    leave_files(tmp_path / "m")
    assert len(list(tmp_path.iterdir())) == 3
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    assert (tmp_path / "m/config.json").read_text() == "old"


def test_notes_in_a_folder_that_was_moved_away_come_back(tmp_path: Path) -> None:
    leave_files(tmp_path / "m")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/weights").write_text("new")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["config.json", "weights"]


def test_temporary_files_of_living_processes_and_files_with_similar_names_stay(tmp_path: Path) -> None:
    own = make_temporary_path(tmp_path / "m")
    parent = tmp_path / re.sub(rf"-{os.getpid()}-", f"-{os.getppid()}-", own.name)
    other_machine = tmp_path / re.sub(r"m\.[0-9a-f]{8}-\d+", "m.00000000-1", own.name)
    names = [own, parent, other_machine, tmp_path / ".m.tmp", tmp_path / ".m.12345678.old.png"]
    for path in names:
        path.write_text("")
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(names)
    os.utime(other_machine, (0, 0))  # it is too old to be in use
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(set(names) - {other_machine})


def test_saving_a_model_removes_what_a_killed_process_left_beside_it(tmp_path: Path) -> None:
    leave_files(tmp_path / "m")
    storage.write_folder(tmp_path / "m", lambda folder: storage.write_json(folder / "config.json", {}))
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_file_that_cannot_be_written_is_named_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        replace_file(tmp_path / "numbers.json", b"{}")
    assert caught.value.filename == str(tmp_path / "numbers.json")
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_a_folder_in_a_folder_names_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", refuse)

    def write(folder: Path) -> None:
        storage.write_folder(folder / "model", lambda inner: storage.write_tensors(inner / "weights", {"a": torch.zeros(1)}))

    with pytest.raises(CheckpointError) as caught:
        storage.write_folder(tmp_path / "step-1", write)
    assert f'"{tmp_path / "step-1" / "model"}" cannot be written: No space left on device (' in str(caught.value)
    assert ".tmp" not in str(caught.value)


def test_no_process_is_asked_where_the_question_would_interrupt_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2ikit.temporary.CAN_CHECK", False)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("os.kill was called"))
    assert is_alive(os.getpid())


def test_a_folder_that_is_removed_is_never_seen_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, seen = tmp_path / "step-1", []
    folder.mkdir()
    (folder / "a.json").write_text("{}")
    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda path, **options: (seen.append(folder.exists()), rmtree(path, **options)))
    remove_folder(folder)
    assert seen == [False]
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_name_holds_a_name_that_is_not_utf8_as_it_is(tmp_path: Path) -> None:
    assert make_temporary_path(tmp_path / "r\udcff").name.startswith(".r\udcff.")
    replace_file(tmp_path / "r\udcff", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["r\udcff"]
    assert len(os.fsencode(make_temporary_path(tmp_path / ("ü" * 120)).name)) <= 255
