from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import check
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]


@pytest.fixture
def people(write_picture: WritePicture, tmp_path: Path) -> Path:
    rows = ["1.png,train,a,dark,1", "2.png,train,b,light,", "3.png,test,c,dark,0", "4.png,test,a,light,1"]
    for row in rows:
        write_picture(row.split(",", maxsplit=1)[0], size=(40, 70))
    (tmp_path / "attributes.csv").write_text("\n".join(["file,split,subject,tone,hat", *rows]), encoding="utf-8")
    return tmp_path


def test_the_report_counts_splits_sizes_modes_and_labels(people: Path) -> None:
    report = check(people)
    assert report.ok
    assert report.images == {"train": 2, "test": 2}
    assert report.sizes == {"40 x 70": 4}
    assert report.modes == {"RGB 8 bit": 4}
    assert report.labels["tone"] == {"dark": {"train": 1, "test": 1}, "light": {"train": 1, "test": 1}}
    assert report.labels["hat"] == {"no": {"test": 1}, "yes": {"train": 1, "test": 1}, None: {"train": 1}}
    assert report.shared_subjects == ["a"]
    assert report.command == f"i2ikit train stargan --data {people} --labels tone,hat --size 32 --run runs/{people.stem}"


def test_the_text_shows_the_label_table_and_the_command(people: Path) -> None:
    text = check(people).render()
    assert "label set: tone  train  test" in text
    assert "hat = (unknown)      1     0" in text
    assert "all files can be read" in text
    assert 'subjects in two splits: "a"' in text
    assert text.endswith(f"train with:\n  i2ikit train stargan --data {people} --labels tone,hat --size 32 --run runs/{people.stem}")


def test_every_damaged_file_is_named(people: Path) -> None:
    (people / "2.png").write_bytes((people / "2.png").read_bytes()[:-2000])
    (people / "3.png").write_bytes(b"")
    report = check(people)
    assert not report.ok
    assert [name for name, _ in report.unreadable] == ["2.png", "3.png"]
    assert 'unreadable: Image "3.png" is empty (0 bytes). Replace or remove it.' in report.render()


def test_files_of_other_channels_are_named(people: Path, write_picture: WritePicture) -> None:
    write_picture("3.png", mode="RGBA")
    report = check(people)
    assert report.odd_channels == ["3.png"]
    assert 'other channels than most files: "3.png"' in report.render()
    assert "--background white" in report.render()
    white = check(people, background="white")
    assert white.ok
    assert white.command.endswith(f"--size 32 --background white --run runs/{people.stem}")


def test_equal_files_in_two_splits_are_named(people: Path) -> None:
    (people / "4.png").write_bytes((people / "1.png").read_bytes())
    assert check(people).duplicates == [("1.png", "4.png")]


def test_the_command_blends_alpha_over_white(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        write_picture(name, mode="RGBA", size=(64, 64))
    report = check(tmp_path)
    assert report.command == f"i2ikit train stargan --data {tmp_path} --size 64 --background white --run runs/{tmp_path.stem}"
    assert any("alpha as a channel" in note for note in report.notes)


def test_data_without_labels_gets_no_command(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    report = check(tmp_path)
    assert report.command == ""
    assert report.render().splitlines()[-1].startswith("StarGAN requires labels")


def test_data_of_only_damaged_images_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r'^Image "1\.png" .*Replace or remove it\.$'):
        check(tmp_path)


def test_pairs_of_different_size_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/1.png", size=(16, 16))
    assert any(note.startswith('Source and target differ in size for "a/1.png".') for note in check(tmp_path).notes)


def test_unreadable_and_cropped_images_are_not_reported_as_different_in_size(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "a/2.png", "b/2.png"):
        write_picture(name, size=(40, 40))
    (tmp_path / "b/1.png").write_bytes(b"x")
    assert not any("differ in size" in note for note in check(tmp_path).notes)
    write_picture("b/1.png", size=(60, 40))
    assert [note[:30] for note in check(tmp_path).notes if "differ" in note] == [
        "Images have different proporti",
        "Source and target differ in si",
    ]
    assert not any("differ" in note for note in check(tmp_path, crop=32).notes)


def test_the_command_names_a_recipe_for_the_batch_kind(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_picture(name, size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train pix2pix ")
    write_picture("b/2.png", size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train cyclegan ")
    write_picture("c/2.png", size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train stargan ")


def test_a_check_of_images_without_labels_shows_how_to_train_on_them(people: Path) -> None:
    report = check(people, batch_kind="images")
    assert (report.images, report.sets, report.command) == ({"train": 2, "test": 2}, [], "")
    assert "i2ikit train RECIPE --data" in report.render()


def test_sources_may_have_other_channels_than_targets(write_picture: WritePicture, tmp_path: Path) -> None:
    for number in range(3):
        write_picture(f"a/{number}.png", mode="L")
        write_picture(f"b/{number}.png")
    assert check(tmp_path).odd_channels == []
    write_picture("b/1.png", mode="L")
    assert check(tmp_path).odd_channels == ["b/1.png"]


def test_the_report_on_the_real_people(real_data: Callable[[str], Path]) -> None:
    report = check(real_data("emoji_people"))
    assert report.ok
    assert report.images == {"train": 1440, "test": 288}
    assert report.labels["gender"][None] == {"train": 744, "test": 132}
    assert report.shared_subjects == []
