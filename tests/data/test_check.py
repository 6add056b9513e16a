from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import check
from i2ikit.errors import DataError

Draw = Callable[..., Path]


@pytest.fixture
def people(draw: Draw, tmp_path: Path) -> Path:
    rows = ["1.png,train,a,dark,1", "2.png,train,b,light,", "3.png,test,c,dark,0", "4.png,test,a,light,1"]
    for row in rows:
        draw(row.split(",", maxsplit=1)[0], size=(40, 70))
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
    assert report.torn == ["a"]
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


def test_files_of_other_channels_are_named(people: Path, draw: Draw) -> None:
    draw("3.png", mode="RGBA")
    report = check(people)
    assert report.odd == ["3.png"]
    assert 'other channels than most: "3.png"; say how to read them with --background white or --channels 3' in report.render()
    white = check(people, background="white")
    assert white.ok
    assert white.command.endswith(f"--size 32 --background white --run runs/{people.stem}")


def test_equal_files_in_two_splits_are_named(people: Path) -> None:
    (people / "4.png").write_bytes((people / "1.png").read_bytes())
    assert check(people).duplicates == [("1.png", "4.png")]


def test_images_with_alpha_are_trained_on_white_unless_told_otherwise(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        draw(name, mode="RGBA", size=(64, 64))
    report = check(tmp_path)
    assert report.command == f"i2ikit train stargan --data {tmp_path} --size 64 --background white --run runs/{tmp_path.stem}"
    assert any("keep alpha" in note for note in report.notes)


def test_data_without_labels_gets_no_command(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    report = check(tmp_path)
    assert report.command == ""
    assert report.render().splitlines()[-1].startswith("StarGAN needs labels, which this data does not have:")


def test_data_of_damaged_images_alone_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r'^Image "1\.png" is no image that can be read\. Replace or remove it\.$'):
        check(tmp_path)


def test_pairs_of_uneven_size_are_named(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/1.png", size=(16, 16))
    assert 'Source and target differ in size for "a/1.png". Training refuses them: resize one to the other.' in check(tmp_path).notes


def test_sizes_that_are_unknown_or_cropped_away_are_no_difference(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "a/2.png", "b/2.png"):
        draw(name, size=(40, 40))
    (tmp_path / "b/1.png").write_bytes(b"x")
    assert not any("differ in size" in note for note in check(tmp_path).notes)
    draw("b/1.png", size=(60, 40))
    assert [note[:30] for note in check(tmp_path).notes if "differ" in note] == [
        "Images have different proporti",
        "Source and target differ in si",
    ]
    assert not any("differ" in note for note in check(tmp_path, crop=32).notes)


def test_the_command_names_a_recipe_that_reads_the_kind_of_data(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        draw(name, size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train pix2pix ")
    draw("b/2.png", size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train cyclegan ")
    draw("c/2.png", size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train stargan ")


def test_sources_of_other_channels_than_the_targets_are_not_odd(draw: Draw, tmp_path: Path) -> None:
    for number in range(3):
        draw(f"a/{number}.png", mode="L")
        draw(f"b/{number}.png")
    assert check(tmp_path).odd == []
    draw("b/1.png", mode="L")
    assert check(tmp_path).odd == ["b/1.png"]


def test_the_real_people_are_reported_whole(shared: Callable[[str], Path]) -> None:
    report = check(shared("emoji_people"))
    assert report.ok
    assert report.images == {"train": 1440, "test": 288}
    assert report.labels["gender"][None] == {"train": 744, "test": 132}
    assert report.torn == []
