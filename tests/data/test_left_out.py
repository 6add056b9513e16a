"""Files that a data set does not use: each is named with its cause, and none is left out in silence."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from data import files

from i2ikit.data import check, open_data
from i2ikit.data.left_out import summarise
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]
open_files = partial(files.open_files, holdout=0)
SYSTEM = "hidden, or of the system"


@pytest.fixture
def domains(write_picture: WritePicture, tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/4.png"):
        write_picture(f"set/{name}")
    return tmp_path / "set"


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found", ".ipynb_checkpoints", ".Trash-1000",
        ".git", "__pycache__",
    ],
)  # fmt: skip
def test_a_folder_of_the_system_is_no_domain(domains: Path, write_picture: WritePicture, name: str) -> None:
    write_picture(f"set/{name}/9.png")
    write_picture(f"set/a/{name}/9.png")
    data = open_files(domains)
    assert data.domain.names == ("a", "b")
    assert len(data.items) == 4
    assert data.left_out == {SYSTEM: tuple(sorted([name, f"a/{name}"]))}


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini", "._1.png", "ehthumbs.db"])
def test_a_file_of_the_system_is_no_image(domains: Path, name: str) -> None:
    (domains / "a" / name).write_bytes(b"x")
    assert open_files(domains).left_out == {SYSTEM: (f"a/{name}",)}


def test_an_archive_is_read_without_the_files_of_the_system(domains: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(domains.rglob("*.png")):
            archive.write(file, file.relative_to(domains).as_posix())
        archive.writestr("@eaDir/1.png", b"")
        archive.writestr("scan.dcm", b"")
    assert open_files(tmp_path / "set.zip").left_out == {SYSTEM: ("@eaDir/1.png",), "DICOM (.dcm)": ("scan.dcm",)}


def test_each_file_that_is_no_image_is_named_with_its_kind(domains: Path) -> None:
    for name in ("scan.dcm", "photo.NEF", "film.mp4", "layers.psd", "labels.xlsx", "labels.tsv", "what.xyz"):
        (domains / "a" / name).write_bytes(b"x")
    (domains / "b/5").write_bytes((domains / "b/4.png").read_bytes())
    (domains / "b/6").write_bytes(b"x")
    data = open_files(domains)
    assert data.left_out == {
        "DICOM (.dcm)": ("a/scan.dcm",), "raw photograph (.nef)": ("a/photo.NEF",), "video (.mp4)": ("a/film.mp4",),
        "layered image (.psd)": ("a/layers.psd",), "table (.xlsx)": ("a/labels.xlsx",), "table (.tsv)": ("a/labels.tsv",),
        "unknown suffix (.xyz)": ("a/what.xyz",), "no suffix, although PNG": ("b/5",), "no suffix": ("b/6",),
    }  # fmt: skip
    assert 'left out: 1 file, DICOM (.dcm): "a/scan.dcm"' in check(domains).render()


def test_a_table_that_is_read_is_not_left_out(domains: Path) -> None:
    (domains / "attributes.csv").write_text("file,hat\na/1.png,1\nb/3.png,0\n", encoding="utf-8")
    assert open_files(domains).left_out == {'not named in the table "attributes.csv"': ("a/2.png", "b/4.png")}


def test_a_second_link_to_a_folder_and_a_loop_are_named_and_the_folder_itself_is_read(domains: Path) -> None:
    (domains / "0").symlink_to(domains / "b")  # before "b" in the order of names
    (domains / "b/loop").symlink_to(domains)
    data = open_files(domains)
    assert data.domain.names == ("a", "b")
    assert data.left_out == {"there under another name": ("0/", "b/loop/")}


def test_a_linked_folder_elsewhere_is_read(write_picture: WritePicture, domains: Path, tmp_path: Path) -> None:
    write_picture("elsewhere/5.png")
    (domains / "c").symlink_to(tmp_path / "elsewhere")
    assert open_files(domains).domain.names == ("a", "b", "c")


def test_a_link_to_nothing_and_a_pipe_are_named_and_not_read(domains: Path) -> None:
    (domains / "a/0.png").symlink_to(domains / "nothing")
    os.mkfifo(domains / "a/5.png")
    assert open_files(domains).left_out == {"link to nothing": ("a/0.png",), "neither file nor folder": ("a/5.png",)}


def test_a_folder_that_cannot_be_opened_is_named(domains: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str | Path) -> object:
        if str(path).endswith(("b", "closed")):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    (domains / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    assert open_files(domains).left_out == {"cannot be opened (Permission denied)": ("b/", "closed/")}
    with pytest.raises(DataError, match=r'^Folder ".*/closed" cannot be opened: Permission denied\.$'):
        open_data(domains / "closed")
    with pytest.raises(DataError, match=r'There is no data at ".*/closed/x"\. Folder ".*/closed" cannot be opened: Permission denied\.$'):
        open_data(domains / "closed/x")


def test_a_folder_without_images_says_what_it_holds_instead(tmp_path: Path) -> None:
    (tmp_path / "scan.dcm").write_bytes(b"x")
    with pytest.raises(DataError, match=r'has 1 file, but no image\. .* Found: 1 file, DICOM \(\.dcm\), such as "scan\.dcm"\.$'):
        open_data(tmp_path)


def test_two_images_of_one_name_match_by_suffix_and_the_rest_is_named(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/1.bmp", "a/2.png", "b/1.png", "b/1.bmp", "b/2.png", "b/2.bmp", "a/3.png", "b/3.bmp"):
        write_picture(name)
    data = open_files(tmp_path)
    assert data.batch_kind == "paired"
    pairs = [(item.file, item.target_file) for item in data.items]
    assert pairs == [("a/1.bmp", "b/1.bmp"), ("a/1.png", "b/1.png"), ("a/2.png", "b/2.png"), ("a/3.png", "b/3.bmp")]
    assert data.left_out == {"another image of the same name": ("b/2.bmp",)}


def test_images_without_a_partner_or_outside_the_pairs_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png", "c/1.png"):
        write_picture(name)
    data = open_files(tmp_path, pairs="a,b")
    assert data.left_out == {"without a partner of equal name": ("a/2.png",), "in a folder that is not one of the pairs": ("c/1.png",)}


def test_one_image_in_several_folders_is_reported(domains: Path) -> None:
    (domains / "b/copy.png").write_bytes((domains / "a/1.png").read_bytes())
    report = check(domains, holdout=0)
    assert report.repeated == [("a/1.png", "b/copy.png")]
    assert 'same content in several folders: "a/1.png", "b/copy.png"' in report.render()


def test_a_training_is_told_in_one_line_what_was_probably_meant_to_be_used(domains: Path) -> None:
    for name in ("scan.dcm", "a/scan.dcm", "README.md", ".DS_Store", "b/5"):
        (domains / name).write_bytes(b"x")
    data = open_files(domains)
    assert data.warnings == ("Left out: 2 files, DICOM (.dcm); 1 file, no suffix. To list them: i2ikit data check.",)
    assert summarise({SYSTEM: ("a",), "text (.md)": ("b",)}) == ""


def test_a_link_to_itself_is_left_out(domains: Path) -> None:
    (domains / "a/loop.png").symlink_to("loop.png")
    (domains / "a/folder").symlink_to(".")
    data = open_files(domains)
    assert data.left_out == {"link to nothing": ("a/loop.png",), "there under another name": ("a/folder/",)}
