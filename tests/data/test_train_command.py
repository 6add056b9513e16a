"""The command that a check of the data shows, and what it says where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from i2ikit.data import check

WritePicture = Callable[..., Path]


def write_table(write_picture: WritePicture, root: Path, header: str, rows: Sequence[str], name: str = "attributes.csv") -> None:
    for row in rows:
        write_picture(row.partition(",")[0])
    (root / name).write_text("\n".join([header, *rows]), encoding="utf-8")


def test_the_command_leaves_out_a_column_of_measures_unless_the_user_names_it(write_picture: WritePicture, tmp_path: Path) -> None:
    write_table(write_picture, tmp_path, "file,age,tone", [f"{index}.png,{index},{'ab'[index % 2]}" for index in range(30)])
    report = check(tmp_path)
    assert " --labels tone " in report.command
    assert not any("translations of such images" in note for note in report.notes)  # most ages have no test image
    assert " --labels age,tone " in check(tmp_path, labels="age,tone").command


def test_the_command_leaves_out_a_column_of_names(write_picture: WritePicture, tmp_path: Path) -> None:
    write_table(write_picture, tmp_path, "file,name,tone", [f"{index}.png,n{index},{'ab'[index % 2]}" for index in range(8)])
    report = check(tmp_path)
    assert " --labels tone " in report.command
    assert any(note.startswith('Most values of column "name" have a single image') for note in report.notes)
    assert not any("imbalanced" in note or "translations of such images" in note for note in report.notes)


def test_values_without_training_images_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{index}.png,{'train' if index < 4 else 'test'},{'abc'[index // 2]}" for index in range(6)]
    write_table(write_picture, tmp_path, "file,split,tone", rows)
    notes = check(tmp_path).notes
    assert 'The values "c" of "tone" have no training image, and are not learned.' in notes
    assert not any("imbalanced" in note for note in notes)


def test_a_table_that_is_not_read_is_the_reason(write_picture: WritePicture, tmp_path: Path) -> None:
    write_table(write_picture, tmp_path, "image,tone", [f"{index}.png,{'ab'[index % 2]}" for index in range(4)])
    assert check(tmp_path).reason.endswith('it has no column "file". Rename "image" to "file".')


def test_an_attribute_of_many_values_is_shown_in_a_few_rows(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{index}.png,n{index // 2},{'ab'[index % 2]}" for index in range(60)]
    write_table(write_picture, tmp_path, "file,name,tone", rows)
    report = check(tmp_path)
    assert len(report.labels["name"]) == 30
    lines = [line for line in report.render().splitlines() if line.startswith("name = ")]
    assert len(lines) == 11
    assert lines[-1].startswith("name = (20 more values) ")
    assert sum(int(number) for line in lines for number in line.split()[-2:]) == 60


def test_folders_that_are_called_by_numbers_are_no_column_of_measures(write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(22):
        for image in "ab":
            write_picture(f"{index}/{index}{image}.png")
    assert not any(note.startswith('Column "domain"') for note in check(tmp_path, holdout=0).notes)


def test_a_table_without_labels_is_named_as_the_reason(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{folder}/{index}.png,me" for folder in ("cat", "dog", "bird") for index in range(2)]
    write_table(write_picture, tmp_path, "file,author", rows, "metadata.csv")
    report = check(tmp_path)
    assert "No column of the table can be a label" in report.reason
    assert report.reason.endswith("or move the table away, so that the folders of the images are the labels.")


@pytest.mark.parametrize("size", [(40, 60), (30, 80)])
def test_wide_images_without_labels_may_be_pairs_side_by_side(size: tuple[int, int], write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(4):
        write_picture(f"{index}.png", size=size)
    report = check(tmp_path)
    assert report.reason.endswith(f"If each image is a pair side by side: i2ikit data check {tmp_path} --kind glued")
    assert check(tmp_path, batch_kind="glued").command.startswith("i2ikit train pix2pix")


def test_folders_below_a_single_folder_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    for folder in ("cat", "dog", "bird"):
        for index in range(2):
            write_picture(f"images/{folder}/{folder}{index}.png")
    report = check(tmp_path)
    assert report.reason.endswith(f"To use the folders in it as labels: i2ikit data check {tmp_path / 'images'}")
    assert check(tmp_path / "images").command
