from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from data.files import open_files

from i2ikit.core.domain import DomainSpec
from i2ikit.data import open_data
from i2ikit.errors import DataError, LabelError, UnknownNameError

WritePicture = Callable[..., Path]
HEADER = "file,split,subject,tone,smile"


def table(write_picture: WritePicture, root: Path, rows: list[str], header: str = HEADER, name: str = "attributes.csv") -> Path:
    for row in rows:
        write_picture(row.split(",", maxsplit=1)[0])
    (root / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return root


ROWS = [
    "1.png,train,a,dark,1",
    "2.png,train,a,light,1",
    "3.png,train,b,dark,",
    "4.png,test,c,light,-1",
    "5.png,test,c,dark,no",
    "6.png,test,c,dark,yes",
]


def test_a_table_gives_groups_yes_or_no_attributes_splits_and_subjects(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ROWS))
    assert data.batch_kind == "labelled"
    assert data.domain == DomainSpec.parse({"tone": {"tone": ("dark", "light")}, "smile": {"smile": bool}})
    assert data.splits == ("train", "test")
    assert [item.file for item in data.split("test").items] == ["4.png", "5.png", "6.png"]
    assert data.items[2].row == {"tone": "dark", "smile": None}
    assert data.encode_label(data.items[2]) == [1, 0, 0, 1, 0]
    assert data.encode_label(data.items[3]) == [0, 1, 0, 1, 1]
    assert data.image.channels == 3


def test_columns_with_the_same_empty_cells_form_one_set(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = ["1.png,a,1,0", "2.png,b,,", "3.png,a,0,1"]
    data = open_files(table(write_picture, tmp_path, rows, "file,kind,hat,beard"))
    assert [[each.name for each in part.attributes] for part in data.domain.sets] == [["kind"], ["hat", "beard"]]
    assert [part.name for part in data.domain.sets] == ["kind", "hat+beard"]
    assert data.domain.masked


def test_one_set_with_unknown_cells_has_a_mask(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ROWS), labels="smile")
    assert data.domain.masked
    assert data.encode_label(data.items[2]) == [0, 0]
    assert data.encode_label(data.items[0]) == [1, 1]


def test_one_set_that_is_always_known_has_no_mask(write_picture: WritePicture, tmp_path: Path) -> None:
    assert not open_files(table(write_picture, tmp_path, ROWS), labels=["tone"]).domain.masked


def test_labels_select_and_order_the_columns(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ROWS), labels="smile, tone")
    assert [each.name for each in data.domain.attributes] == ["smile", "tone"]


def test_sets_can_be_given(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ROWS), sets=[["tone", "smile"]])
    assert len(data.domain.sets) == 1
    assert data.domain.masked
    with pytest.raises(DataError, match=r'^sets= must contain each label column exactly once, but "smile" is missing\.$'):
        open_data(tmp_path, labels="tone,smile", sets=[["tone"]])


def test_a_label_that_the_table_does_not_have_names_the_nearest(write_picture: WritePicture, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r'^No label column is called "tonne"\. Did you mean "tone"\?'):
        open_data(table(write_picture, tmp_path, ROWS), labels="tonne")


def test_a_column_of_one_value_is_left_out_and_refused_if_requested(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = ["1.png,x,1", "2.png,x,0"]
    data = open_files(table(write_picture, tmp_path, rows, "file,camera,hat"))
    assert [each.name for each in data.domain.attributes] == ["hat"]
    assert 'Column "camera" is not a label: it has only one value ("x").' in data.notes
    with pytest.raises(LabelError, match=r'^Column "camera" cannot be a label: it has only one value'):
        open_data(tmp_path, labels="camera")


def test_the_target_is_the_same_subject_with_the_change(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ROWS))
    first, second, third, _, fifth, sixth = data.items
    target = data.find_target(first, {"tone": "light"})
    assert target is not None
    assert torch.equal(target, data.read(second))
    assert data.find_target_item(fifth, {"smile": True}) == sixth
    assert data.find_target(third, {"tone": "light"}) is None
    assert data.find_target(fifth, {"tone": "light", "smile": "yes"}) is None
    with pytest.raises(UnknownNameError, match='value of "tone" is called "green"'):
        data.find_target(first, {"tone": "green"})


def test_json_lines_are_read_as_a_table(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [
        {"file": "1.png", "hat": True, "tone": "a"},
        {"file": "2.png", "hat": None, "tone": "b"},
        {"file": "3.png", "hat": 0.0, "tone": "a"},
    ]
    for row in rows:
        write_picture(str(row["file"]))
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = open_files(tmp_path, holdout=0)
    assert [item.row for item in data.items] == [{"hat": "yes", "tone": "a"}, {"hat": None, "tone": "b"}, {"hat": "no", "tone": "a"}]


def test_the_dataset_json_of_an_archive_is_read_as_one_group(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("00/a.png", "00/b.png", "00/c.png"):
        write_picture(name)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["00/a.png", 10], ["00/b.png", 2], ["00/c.png", 2]]}), encoding="utf-8")
    data = open_files(tmp_path, holdout=0)
    assert data.domain.names == ("2", "10")


def test_a_table_with_targets_is_paired(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("b1.png")
    write_picture("b2.png")
    data = open_files(table(write_picture, tmp_path, ["a1.png,b1.png", "a2.png,b2.png"], "file,target"), holdout=0)
    assert data.batch_kind == "paired"
    target = data.read_target(data.items[1])
    assert target is not None
    assert torch.equal(target, open_files(tmp_path / "attributes.csv", holdout=0).find_target(data.items[1], {}))  # type: ignore[arg-type]


def test_semicolons_and_a_byte_order_mark_are_supported(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    write_picture("2.png")
    (tmp_path / "t.csv").write_bytes("\ufefffile;hat\r\n1.png;1\r\n2.png;0\r\n".encode())
    assert [item.row["hat"] for item in open_files(tmp_path, holdout=0).items] == ["yes", "no"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,hat\n1.png,1\n9.png,0\n", r'^Table "t\.csv" names "9\.png", but ".*" does not have .*relative to the table\.$'),
        ("file,hat\n1.png,1\n1.png,0\n", r'^Table "t\.csv" has the file "1\.png" twice, in row 2 and in row 3\.'),
        ("file,hat\n1.png\n", r'^Row 2 of table "t\.csv" has 1 cells for 2 columns\.$'),
        ("file,hat\n,1\n", r'^Row 2 of table "t\.csv" has no file name\.$'),
        ("file,hat,hat\n1.png,1,1\n", r'^Table "t\.csv" has the column "hat" twice\.'),
        ("file,split\n1.png,trian\n", r'^Row 2 of table "t\.csv" has the split "trian"\. Use train, val or test\.$'),
        ("file,hat\n", r'^Table "t\.csv" has no rows\.$'),
        (
            "filename,hat\n1.png,1\n",
            r'^Table "t\.csv" has no column "file", only "filename", "hat"\. Rename "filename" to "file"\.$',
        ),
        ("file,hat\n../secret.png,1\n", r'^Table "t\.csv" names "\.\./secret\.png", but'),
    ],
)
def test_a_bad_table_is_an_error_that_names_the_problem(write_picture: WritePicture, tmp_path: Path, text: str, message: str) -> None:
    root = tmp_path / "data"
    write_picture("1.png", root=root)
    write_picture("secret.png")
    (root / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        open_data(root / "t.csv")


def test_names_may_leave_out_the_folder_images(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("images/1.png")
    write_picture("images/2.png")
    (tmp_path / "t.csv").write_text("file,hat\n1.png,1\n2.png,0\n", encoding="utf-8")
    assert [item.file for item in open_files(tmp_path, holdout=0).items] == ["images/1.png", "images/2.png"]


def test_two_tables_are_refused_with_their_names(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("file,hat\n1.png,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'several attribute tables: "a\.csv", "b\.csv"\.'):
        open_data(tmp_path)
    assert len(open_files(tmp_path / "b.csv").items) == 1


def test_images_that_the_table_does_not_name_are_counted(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("other.png")
    data = open_files(table(write_picture, tmp_path, ROWS))
    assert data.left_out == {'not named in the table "attributes.csv"': ("other.png",)}


def test_a_holdout_does_not_divide_subjects_and_does_not_change_when_images_are_added(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{subject}_{tone}.png,s{subject},{tone}" for subject in range(60) for tone in ("a", "b")]
    data = open_files(table(write_picture, tmp_path, rows, "file,subject,tone"))
    held = {item.subject for item in data.split("test").items}
    assert held.isdisjoint({item.subject for item in data.split("train").items})
    assert 2 <= len(held) <= 12
    assert any("held out" in note for note in data.notes)
    fewer = open_files(table(write_picture, tmp_path, rows[:80], "file,subject,tone"))
    assert {item.subject for item in fewer.split("test").items} == {name for name in held if name is not None and int(name[1:]) < 40}
    assert open_files(tmp_path, holdout=0).splits == ("train",)


def test_the_fingerprint_depends_on_labels_files_and_sizes(write_picture: WritePicture, tmp_path: Path) -> None:
    first = open_files(table(write_picture, tmp_path, ROWS)).fingerprint()
    assert open_files(tmp_path).fingerprint() == first
    assert open_files(tmp_path, labels="tone").fingerprint() != first
    table(write_picture, tmp_path, [ROWS[0].replace("dark", "light"), *ROWS[1:]])
    second = open_files(tmp_path).fingerprint()
    assert second != first
    write_picture("1.png", size=(9, 9))
    assert open_files(tmp_path).fingerprint() != second


def test_the_real_people_have_two_partial_label_sets_and_true_images(real_data: Callable[[str], Path]) -> None:
    data = open_files(real_data("emoji_people"), background="white")
    assert [part.name for part in data.domain.sets] == ["tone", "gender"]
    assert data.domain.attributes[0].values == ("default", "light", "medium_light", "medium", "medium_dark", "dark")
    assert data.domain.width == 6 + 2 + 2
    assert (len(data.split("train").items), len(data.split("test").items)) == (1440, 288)
    assert str(data.image) == "image [3, 128, 128]"
    test = data.split("test")
    for item in test.items[:12]:
        target = test.find_target(item, {"tone": "dark"})
        assert target is not None
        assert torch.equal(target, test.read(item)) == (item.row["tone"] == "dark")
    assert test.read(test.items[0])[:, 0, 0].tolist() == [1, 1, 1]
    assert os.fspath(real_data("emoji_people")).endswith(data.name)


def test_yes_and_no_may_be_written_as_decimal_numbers(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ["1.png,1.0", "2.png,0.0", "3.png,"], "file,smile"))
    assert [each.values for each in data.domain.attributes] == [()]
    assert [data.encode_label(item) for item in data.items] == [[1, 1], [0, 1], [0, 0]]


def test_a_column_that_is_always_yes_is_not_a_label(write_picture: WritePicture, tmp_path: Path) -> None:
    data = open_files(table(write_picture, tmp_path, ["1.png,yes,dark", "2.png,1,light", "3.png,,dark"], "file,person,tone"))
    assert [each.name for each in data.domain.attributes] == ["tone"]
    assert 'Column "person" is not a label: it has only one value ("yes").' in data.notes


def test_a_table_without_file_names_is_noted(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/2.png")
    (tmp_path / "labels.csv").write_text("filename,tone\n1.png,dark\n", encoding="utf-8")
    assert 'Table "labels.csv" is not read: it has no column "file". Rename "filename" to "file".' in open_data(tmp_path).notes


def test_a_csv_file_without_file_names_may_have_any_encoding(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/2.png")
    (tmp_path / "prices.csv").write_bytes("Stück;Preis\n1;2\n".encode("latin-1"))
    assert open_data(tmp_path).batch_kind == "unpaired"
