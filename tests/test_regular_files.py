"""Pipes, devices and folders in place of files: none is read, and none blocks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.core.json_files import DamagedFileError, read_object
from i2ikit.errors import DataError, OptionError
from i2ikit.pixels import read_image
from i2ikit.regular_files import read_regular, read_regular_text

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes in folders")


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo")
    assert read_regular(tmp_path / "a.txt") == b"one\r\ntwo"
    assert read_regular_text(tmp_path / "a.txt") == "one\ntwo"


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"123")
    with pytest.raises(OSError, match="it has 3 bytes, more than 2"):
        read_regular(tmp_path / "a.txt", 2)


@posix
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir], ids=["pipe", "device", "folder"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(path := tmp_path / "x.toml")
    with pytest.raises(OSError, match=r"pipe or a device|[Dd]irectory"):
        read_regular(path)


@posix
def test_readers_of_images_recipes_and_json_refuse_pipes(tmp_path: Path) -> None:
    from i2ikit import build

    for name in ("a.png", "a.toml", "a.json"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="pipe"):
        read_image(tmp_path / "a.png")
    with pytest.raises(OptionError, match="pipe"):
        build(str(tmp_path / "a.toml"))
    with pytest.raises(DamagedFileError, match="pipe"):
        read_object(tmp_path / "a.json")
