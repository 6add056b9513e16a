from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from i2ikit.core.domain import DomainSpec
from i2ikit.data import FileDataset, open_data
from i2ikit.errors import DataError, LabelError, UnknownNameError

Draw = Callable[..., Path]
HEADER = "file,split,subject,tone,smile"


def table(draw: Draw, root: Path, rows: list[str], header: str = HEADER, name: str = "attributes.csv") -> Path:
    for row in rows:
        draw(row.split(",", maxsplit=1)[0])
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


def opened(path: Path, **options: object) -> FileDataset:
    data = open_data(path, **options)  # type: ignore[arg-type]
    assert isinstance(data, FileDataset)
    return data


def test_a_table_declares_groups_yes_or_no_splits_and_subjects(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ROWS))
    assert data.batch_kind == "labelled"
    assert data.domain == DomainSpec.parse({"tone": {"tone": ("dark", "light")}, "smile": {"smile": bool}})
    assert data.splits == ("train", "test")
    assert [item.file for item in data.split("test").items] == ["4.png", "5.png", "6.png"]
    assert data.items[2].row == {"tone": "dark", "smile": None}
    assert data.label(data.items[2]) == [1, 0, 0, 1, 0]
    assert data.label(data.items[3]) == [0, 1, 0, 1, 1]
    assert data.image.channels == 3


def test_columns_with_the_same_empty_cells_form_one_set(draw: Draw, tmp_path: Path) -> None:
    rows = ["1.png,a,1,0", "2.png,b,,", "3.png,a,0,1"]
    data = opened(table(draw, tmp_path, rows, "file,kind,hat,beard"))
    assert [[each.name for each in part.attributes] for part in data.domain.sets] == [["kind"], ["hat", "beard"]]
    assert [part.name for part in data.domain.sets] == ["kind", "hat+beard"]
    assert data.domain.masked


def test_one_set_with_unknown_cells_has_a_mask(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ROWS), labels="smile")
    assert data.domain.masked
    assert data.label(data.items[2]) == [0, 0]
    assert data.label(data.items[0]) == [1, 1]


def test_one_set_that_is_always_known_has_no_mask(draw: Draw, tmp_path: Path) -> None:
    assert not opened(table(draw, tmp_path, ROWS), labels=["tone"]).domain.masked


def test_labels_restrict_and_order_the_columns(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ROWS), labels="smile, tone")
    assert [each.name for each in data.domain.attributes] == ["smile", "tone"]


def test_sets_can_be_given(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ROWS), sets=[["tone", "smile"]])
    assert len(data.domain.sets) == 1
    assert data.domain.masked
    with pytest.raises(DataError, match=r'^The label sets must hold each column once; found not "smile"\.$'):
        open_data(tmp_path, labels="tone,smile", sets=[["tone"]])


def test_a_label_that_the_table_does_not_have_names_the_nearest(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r'^No label column is called "tonne"\. Did you mean "tone"\?'):
        open_data(table(draw, tmp_path, ROWS), labels="tonne")


def test_a_column_of_one_value_is_left_out_and_refused_when_asked_for(draw: Draw, tmp_path: Path) -> None:
    rows = ["1.png,x,1", "2.png,x,0"]
    data = opened(table(draw, tmp_path, rows, "file,camera,hat"))
    assert [each.name for each in data.domain.attributes] == ["hat"]
    assert 'Column "camera" is left out: it has one value only ("x").' in data.notes
    with pytest.raises(LabelError, match=r'^Column "camera" cannot be a label: it has one value only'):
        open_data(tmp_path, labels="camera")


def test_the_target_is_the_same_subject_with_the_change(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ROWS))
    first, second, third, _, fifth, sixth = data.items
    target = data.find_target(first, {"tone": "light"})
    assert target is not None
    assert torch.equal(target, data.read(second))
    assert data.twin(fifth, {"smile": True}) == sixth
    assert data.find_target(third, {"tone": "light"}) is None
    assert data.find_target(fifth, {"tone": "light", "smile": "yes"}) is None
    with pytest.raises(UnknownNameError, match='value of "tone" is called "green"'):
        data.find_target(first, {"tone": "green"})


def test_json_lines_read_as_a_table(draw: Draw, tmp_path: Path) -> None:
    rows = [
        {"file": "1.png", "hat": True, "tone": "a"},
        {"file": "2.png", "hat": None, "tone": "b"},
        {"file": "3.png", "hat": 0.0, "tone": "a"},
    ]
    for row in rows:
        draw(str(row["file"]))
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = opened(tmp_path, holdout=0)
    assert [item.row for item in data.items] == [{"hat": "yes", "tone": "a"}, {"hat": None, "tone": "b"}, {"hat": "no", "tone": "a"}]


def test_the_dataset_json_of_an_archive_reads_as_one_group(draw: Draw, tmp_path: Path) -> None:
    for name in ("00/a.png", "00/b.png", "00/c.png"):
        draw(name)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [["00/a.png", 10], ["00/b.png", 2], ["00/c.png", 2]]}), encoding="utf-8")
    data = opened(tmp_path, holdout=0)
    assert data.domain.names == ("2", "10")


def test_a_table_with_targets_is_paired(draw: Draw, tmp_path: Path) -> None:
    draw("b1.png")
    draw("b2.png")
    data = opened(table(draw, tmp_path, ["a1.png,b1.png", "a2.png,b2.png"], "file,target"), holdout=0)
    assert data.batch_kind == "paired"
    target = data.target(data.items[1])
    assert target is not None
    assert torch.equal(target, opened(tmp_path / "attributes.csv", holdout=0).find_target(data.items[1], {}))  # type: ignore[arg-type]


def test_semicolons_and_a_byte_order_mark_are_understood(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    draw("2.png")
    (tmp_path / "t.csv").write_bytes("\ufefffile;hat\r\n1.png;1\r\n2.png;0\r\n".encode())
    assert [item.row["hat"] for item in opened(tmp_path, holdout=0).items] == ["yes", "no"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,hat\n1.png,1\n9.png,0\n", r'^Table "t\.csv" names "9\.png", not in ".*"\. File names are relative to the table\.$'),
        ("file,hat\n1.png,1\n1.png,0\n", r'^Table "t\.csv" names "1\.png" in row 2 and in row 3\. Keep one of them\.$'),
        ("file,hat\n1.png\n", r'^Row 2 of table "t\.csv" has 1 cells for 2 columns\.$'),
        ("file,hat\n,1\n", r'^Row 2 of table "t\.csv" names no file\.$'),
        ("file,hat,hat\n1.png,1,1\n", r'^Table "t\.csv" has the column "hat" twice\. Give each a name of its own\.$'),
        ("file,split\n1.png,trian\n", r'^Row 2 of table "t\.csv" names the split "trian"\. Use train, val or test\.$'),
        ("file,hat\n", r'^Table "t\.csv" has no rows\.$'),
        (
            "filename,hat\n1.png,1\n",
            r'^Table "t\.csv" has no column "file"; its columns are "filename", "hat"\. Rename "filename" to "file"\.$',
        ),
        ("file,hat\n../secret.png,1\n", r'^Table "t\.csv" names "\.\./secret\.png", not in'),
    ],
)
def test_a_bad_table_is_one_clear_line(draw: Draw, tmp_path: Path, text: str, message: str) -> None:
    root = tmp_path / "data"
    draw("1.png", root=root)
    draw("secret.png")
    (root / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        open_data(root / "t.csv")


def test_names_may_leave_out_the_folder_images(draw: Draw, tmp_path: Path) -> None:
    draw("images/1.png")
    draw("images/2.png")
    (tmp_path / "t.csv").write_text("file,hat\n1.png,1\n2.png,0\n", encoding="utf-8")
    assert [item.file for item in opened(tmp_path, holdout=0).items] == ["images/1.png", "images/2.png"]


def test_two_tables_ask_which_is_meant(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("file,hat\n1.png,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'has the attribute tables "a\.csv", "b\.csv"\. Name the one to read'):
        open_data(tmp_path)
    assert len(opened(tmp_path / "b.csv").items) == 1


def test_images_that_the_table_does_not_name_are_counted(draw: Draw, tmp_path: Path) -> None:
    draw("other.png")
    assert '1 image is not in the table "attributes.csv" and left out.' in opened(table(draw, tmp_path, ROWS)).notes


def test_a_holdout_keeps_subjects_whole_and_does_not_move_when_images_are_added(draw: Draw, tmp_path: Path) -> None:
    rows = [f"{subject}_{tone}.png,s{subject},{tone}" for subject in range(60) for tone in ("a", "b")]
    data = opened(table(draw, tmp_path, rows, "file,subject,tone"))
    held = {item.subject for item in data.split("test").items}
    assert held.isdisjoint({item.subject for item in data.split("train").items})
    assert 2 <= len(held) <= 12
    assert any("held out" in note for note in data.notes)
    fewer = opened(table(draw, tmp_path, rows[:80], "file,subject,tone"))
    assert {item.subject for item in fewer.split("test").items} == {name for name in held if name is not None and int(name[1:]) < 40}
    assert opened(tmp_path, holdout=0).splits == ("train",)


def test_the_fingerprint_knows_labels_files_and_sizes(draw: Draw, tmp_path: Path) -> None:
    first = opened(table(draw, tmp_path, ROWS)).fingerprint()
    assert opened(tmp_path).fingerprint() == first
    assert opened(tmp_path, labels="tone").fingerprint() != first
    table(draw, tmp_path, [ROWS[0].replace("dark", "light"), *ROWS[1:]])
    second = opened(tmp_path).fingerprint()
    assert second != first
    draw("1.png", size=(9, 9))
    assert opened(tmp_path).fingerprint() != second


def test_the_real_people_have_two_partial_label_sets_and_true_images(shared: Callable[[str], Path]) -> None:
    data = opened(shared("emoji_people"), background="white")
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
    assert os.fspath(shared("emoji_people")).endswith(data.name)


def test_yes_and_no_may_be_written_as_decimal_numbers(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ["1.png,1.0", "2.png,0.0", "3.png,"], "file,smile"))
    assert [each.values for each in data.domain.attributes] == [()]
    assert [data.label(item) for item in data.items] == [[1, 1], [0, 1], [0, 0]]


def test_a_yes_or_no_that_is_always_yes_is_no_label(draw: Draw, tmp_path: Path) -> None:
    data = opened(table(draw, tmp_path, ["1.png,yes,dark", "2.png,1,light", "3.png,,dark"], "file,person,tone"))
    assert [each.name for each in data.domain.attributes] == ["tone"]
    assert 'Column "person" is left out: it has one value only ("yes").' in data.notes


def test_a_table_that_names_no_files_is_told_and_not_passed_over(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/2.png")
    (tmp_path / "labels.csv").write_text("filename,tone\n1.png,dark\n", encoding="utf-8")
    assert 'Table "labels.csv" is not read: it has no column "file". Rename "filename" to "file".' in open_data(tmp_path).notes


def test_another_text_beside_the_folders_need_not_be_readable(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/2.png")
    (tmp_path / "prices.csv").write_bytes("Stück;Preis\n1;2\n".encode("latin-1"))
    assert open_data(tmp_path).batch_kind == "unpaired"
