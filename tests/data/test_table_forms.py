"""Tables as programs write them: encodings, delimiters, names of columns, sizes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from data import files

from i2ikit.data import open_data, source, table_text, tables
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]
open_files = partial(files.open_files, holdout=0)
TEXT = "file;größe;tone\r\n1.png;klein;hell, warm\r\n2.png;groß;dunkel\r\n3.png;klein;dunkel\r\n"


@pytest.fixture
def images(write_picture: WritePicture, tmp_path: Path) -> Path:
    for index in range(1, 4):
        write_picture(f"set/{index}.png")
    return tmp_path / "set"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", '"SEP=;"\r\n'])
def test_a_table_of_a_spreadsheet_is_read(images: Path, encoding: str, first: str) -> None:
    (images / "table.csv").write_bytes((first + TEXT).encode(encoding))
    for path in (images, images / "table.csv"):
        data = open_files(path)
        assert [item.row for item in data.items] == [
            {"größe": "klein", "tone": "hell, warm"},
            {"größe": "groß", "tone": "dunkel"},
            {"größe": "klein", "tone": "dunkel"},
        ]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_a_big_or_little_endian_mark_is_read(images: Path, mark: bytes) -> None:
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    (images / "table.csv").write_bytes(mark + TEXT.encode(encoding))
    assert open_files(images).domain.attributes[0].name == "größe"


@pytest.mark.parametrize(("name", "delimiter"), [("table.tsv", "\t"), ("table.csv", "|"), ("TABLE.TSV", "\t")])
def test_a_table_with_other_delimiters_is_found(images: Path, name: str, delimiter: str) -> None:
    (images / name).write_text(TEXT.replace(";", delimiter), encoding="utf-8")
    assert open_files(images).items[0].row["tone"] == "hell, warm"
    assert open_files(images / name).left_out == {}


def test_a_cell_in_quotes_may_hold_the_delimiter_and_a_line(images: Path) -> None:
    (images / "table.csv").write_text('file,tone\n1.png,"a,b"\n2.png,"a\nb"\n3.png,"a,b"\n', encoding="utf-8")
    assert open_files(images).domain.attributes[0].values == ("a,b", "a\nb")


def test_the_row_of_an_error_is_that_of_the_file(images: Path) -> None:
    (images / "table.csv").write_text("sep=;\nfile;tone\n1.png;a\n2.png\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'^Row 4 of table "table\.csv" has 1 cells for 2 columns\.$'):
        open_data(images)


def test_a_column_without_a_name_is_no_label(images: Path) -> None:
    (images / "table.csv").write_text(",file,tone,\n0,1.png,a,\n1,2.png,b,\n2,3.png,a,\n", encoding="utf-8")
    assert [each.name for each in open_files(images).domain.attributes] == ["tone"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"sep=;\n"])
def test_a_table_of_nothing_is_called_empty(images: Path, content: bytes) -> None:
    (images / "table.csv").write_bytes(content)
    with pytest.raises(DataError, match=r'^Table "table\.csv" is empty\. Add a column "file"'):
        open_data(images / "table.csv")
    assert open_files(images).left_out == {"table (.csv)": ("table.csv",)}


def test_a_table_of_100000_columns_asks_for_a_choice_at_once(images: Path) -> None:
    names = [f"c{number}" for number in range(100_000)]
    rows = [f"{row}.png," + ",".join(str(int((number + row) % 3 == 0)) for number in range(100_000)) for row in (1, 2, 3)]
    (images / "table.csv").write_text("\n".join([",".join(["file", *names]), *rows]), encoding="utf-8")
    with pytest.raises(DataError, match=r'has 100,000 columns, more than can be labels \(500\)\. Name those to use .* such as "c0,c1"\.$'):
        open_data(images)
    assert [each.name for each in open_data(images, labels="c5,c7").domain.attributes] == ["c5", "c7"]


def test_a_table_with_too_many_cells_or_bytes_is_refused_before_it_is_read(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "table.csv").write_text("file,tone\n1.png,a\n2.png,b\n", encoding="utf-8")
    monkeypatch.setattr(table_text, "MAX_CELLS", 3)
    with pytest.raises(DataError, match=r'^Table "table\.csv" has more than 3 cells\.'):
        open_data(images)
    monkeypatch.setattr(table_text, "MAX_FILE_BYTES", 10)
    with pytest.raises(DataError, match=r'^Table "table\.csv" has 26 bytes\. The limit of tables is 10\.'):
        open_data(images / "table.csv")


def test_a_file_of_an_archive_that_would_unpack_to_too_much_is_named_and_not_unpacked(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.MAX_FILE_BYTES == 268_435_456
    for module in (source, tables, table_text):
        monkeypatch.setattr(module, "MAX_FILE_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(images.iterdir()):
            archive.write(file, file.name)
        for name in ("table.csv", "4.png"):
            archive.writestr(name, bytes(3 << 20))
    data = open_files(tmp_path / "bomb.zip")
    assert 'Table "table.csv" is not read: it has more than 1,048,576 bytes.' in data.notes
    with pytest.raises(DataError, match=r'^"4\.png" in archive ".*" has 3,145,728 bytes unpacked\. The limit .* Unpack the archive'):
        data.read(data.items[-1])


CELEBA = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")


def write_kaggle(write_picture: WritePicture, root: Path) -> None:
    rows = ["1,-1,-1,1,1", "-1,1,-1,-1,1", "-1,-1,-1,1,-1"]
    lines = [f"{index:06d}.jpg,{row}" for index, row in enumerate(rows, 1)]
    for line in lines:
        write_picture(f"{root.name}/img_align_celeba/img_align_celeba/{line[:10]}", size=(218, 178))
    (root / "list_attr_celeba.csv").write_text("\n".join([",".join(["image_id", *CELEBA]), *lines]), encoding="utf-8")
    boxes = [f"{index:06d}.jpg,1,2,3,4" for index in (1, 2, 3)]
    (root / "list_bbox_celeba.csv").write_text("\n".join(["image_id,x_1,y_1,width,height", *boxes]), encoding="utf-8")
    (root / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,0\n000002.jpg,1\n000003.jpg,2\n", encoding="utf-8")


def test_celeba_is_read_as_kaggle_distributes_it(write_picture: WritePicture, tmp_path: Path) -> None:
    root = tmp_path / "kaggle"
    root.mkdir()
    write_kaggle(write_picture, root)
    for path in (root, root / "list_attr_celeba.csv"):
        data = open_files(path)
        assert data.domain.entries == ("hair=black", "hair=blond", "hair=brown", "male", "young")
        assert (data.image.height, data.image.width) == (178, 178)
        rows = {item.file[-10:]: item.row for item in data.items}
        assert rows["000002.jpg"] == {"hair": "blond", "male": "no", "young": "yes"}
        assert rows["000003.jpg"]["hair"] == "none"
        assert data.left_out == {"table (.csv)": ("list_bbox_celeba.csv", "list_eval_partition.csv")}
    assert open_files(root, labels="Male").domain.entries == ("male",)


def test_a_list_of_celebas_form_with_other_columns_is_read(write_picture: WritePicture, tmp_path: Path) -> None:
    root = tmp_path / "emoji"
    for index in (1, 2, 3, 4):
        write_picture(f"emoji/images/{index}.png", size=(20, 12))
    text = "4\nSmile Beard\n1.png 1 -1\n2.png -1  1\n3.png  1  1\n4.png -1 -1\n"
    (root / "list_attr_emoji.txt").write_text(text, encoding="utf-8")
    (root / "list_landmarks_emoji.txt").write_text("1\nx y\n1.png 12 40\n", encoding="utf-8")
    for path in (root, root / "list_attr_emoji.txt"):
        data = open_files(path)
        assert data.domain.entries == ("smile", "beard")
        assert (data.image.height, data.image.width) == (20, 12)
        assert {item.file: item.row for item in data.items}["images/2.png"] == {"smile": "no", "beard": "yes"}
    with pytest.raises(DataError, match=r'landmarks_emoji\.txt" is not a data set\.'):
        open_data(root / "list_landmarks_emoji.txt")
    (root / "list_attr_celeba.txt").write_text(text, encoding="utf-8")
    assert open_files(root).domain.entries == ("smile", "beard")


def test_a_value_that_is_no_sign_is_an_error_that_names_the_image(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png", size=(218, 178))
    (tmp_path / "list_attr_celeba.txt").write_text("1\nMale Young\n1.png 1 x\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'has the value "x" of "Young" for "1\.png"\. Expected 1 or -1\.$'):
        open_data(tmp_path)


def test_runs_of_version_0_1_read_the_layouts_that_it_knew(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png"):
        write_picture(name)
    (tmp_path / "table.tsv").write_text("file\ttone\na/1.png\tx\nb/2.png\ty\n", encoding="utf-8")
    assert open_files(tmp_path).domain.attributes[0].name == "tone"
    assert open_files(tmp_path, rules=1).domain.attributes[0].name == "domain"


def test_json_lines_in_utf_16_are_read(images: Path) -> None:
    lines = [json.dumps({"file": f"{index}.png", "tone": "ab"[index % 2]}) for index in (1, 2, 3)]
    (images / "table.jsonl").write_bytes("\n".join(lines).encode("utf-16"))
    assert open_files(images).domain.attributes[0].values == ("b", "a")


DAMAGED = (b"x" * 200_000, b"[" * 100_000, b'"' * 5001, bytes(5000), b"\xff" * 5000, b'{"labels": [[1]]}', b"file\r")


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl", "dataset.json", "list_attr_x.txt"])
@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_table_is_left_out_or_refused(images: Path, name: str, content: bytes) -> None:
    (images / name).write_bytes(content)
    for path in (images, images / name):
        with suppress(DataError):  # any other error fails the test
            assert len(open_files(path).items) == 3


def test_lines_may_end_as_on_an_old_macintosh(images: Path) -> None:
    (images / "table.csv").write_bytes(b"file,tone\r1.png,a\r2.png,b\r")
    assert [item.row["tone"] for item in open_files(images).items] == ["a", "b"]
