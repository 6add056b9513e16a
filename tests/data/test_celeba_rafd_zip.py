from __future__ import annotations

import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from data.files import open_files

from i2ikit.data import open_data
from i2ikit.errors import DataError, UnknownNameError

WritePicture = Callable[..., Path]


@pytest.fixture
def celeba(write_picture: WritePicture, tmp_path: Path) -> Path:
    names = ["5_o_Clock_Shadow", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "Male", "Young"]
    values = ["-1 1 -1 -1 -1 1 -1", "1 -1 1 -1 -1 -1 1", "-1 -1 -1 -1 1 1 1", "-1 1 -1 1 -1 -1 -1"]
    lines = [f"{index:06d}.jpg  {row}" for index, row in enumerate(values, 1)]
    for line in lines:
        write_picture(f"img_align_celeba/{line.split()[0]}", size=(218, 178))
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join([str(len(values)), " ".join(names), *lines]) + "\n", encoding="utf-8")
    return tmp_path


def test_celeba_is_read_as_distributed_with_the_labels_of_the_paper(celeba: Path) -> None:
    data = open_files(celeba, holdout=0)
    assert data.domain.entries == ("hair=black", "hair=blond", "hair=brown", "male", "young")
    assert str(data.image) == "image [3, 178, 178]"
    labels = {item.file[-10:]: data.encode_label(item) for item in data.items}
    assert labels == {
        "000001.jpg": [1, 0, 0, 1, 0],
        "000002.jpg": [0, 1, 0, 0, 1],
        "000003.jpg": [0, 0, 0, 1, 1],
        "000004.jpg": [1, 0, 0, 0, 0],
    }
    assert "1 image with several hair colours: the first one is used." in data.notes


def test_celeba_labels_are_chosen_by_its_own_names(celeba: Path) -> None:
    assert open_files(celeba, labels="Young,Gray_Hair").domain.entries == ("young", "gray_hair")
    assert open_files(celeba, labels="Black_Hair,Gray_Hair,male").domain.entries == ("hair=black", "hair=gray", "male")
    assert open_files(celeba, labels="hair").domain.entries == ("hair=black", "hair=blond", "hair=brown")
    with pytest.raises(UnknownNameError, match=r'^No label column is called "Blond_Hiar"\. Did you mean "Blond_Hair"'):
        open_data(celeba, labels="Blond_Hiar")


def test_celeba_in_its_original_tree_and_as_png(celeba: Path, tmp_path: Path) -> None:
    tree = tmp_path / "CelebA"
    (tree / "Anno").mkdir(parents=True)
    shutil.move(celeba / "list_attr_celeba.txt", tree / "Anno")
    (tree / "Img").mkdir()
    shutil.move(celeba / "img_align_celeba", tree / "Img" / "img_align_celeba_png")
    for file in (tree / "Img" / "img_align_celeba_png").iterdir():
        file.rename(file.with_suffix(".png"))
    assert len(open_files(tree).items) == 4
    assert len(open_files(tree / "Anno" / "list_attr_celeba.txt").items) == 4


def test_the_test_split_of_celeba_is_that_of_stargan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, celeba: Path) -> None:
    monkeypatch.setattr("i2ikit.data.celeba.TEST_IMAGES", 1)
    expected = [1, 2, 3, 4]
    random.seed(1234)
    random.shuffle(expected)
    data = open_files(celeba)
    assert [item.file[-10:] for item in data.split("test").items] == [f"{expected[0]:06d}.jpg"]


def test_missing_images_of_celeba_are_named(celeba: Path) -> None:
    (celeba / "img_align_celeba" / "000002.jpg").unlink()
    with pytest.raises(DataError, match=r'^"list_attr_celeba\.txt" names "000002\.jpg", but .* Unpack img_align_celeba'):
        open_data(celeba)


def test_rafd_is_read_by_folders_and_by_file_names(write_picture: WritePicture, tmp_path: Path) -> None:
    for person in ("01", "02"):
        for expression in ("angry", "happy", "sad"):
            name = f"Rafd090_{person}_Caucasian_female_{expression}_frontal.jpg"
            write_picture(f"raw/{name}", size=(64, 48))
            write_picture(f"sorted/{'train' if person == '01' else 'test'}/{expression}/{person}{expression}.jpg", size=(64, 48))
    raw = open_files(tmp_path / "raw", crop=32)
    assert raw.domain.entries == ("expression=angry", "expression=happy", "expression=sad")
    assert str(raw.image) == "image [3, 32, 32]"
    assert len({item.file.split("_")[1] for item in raw.split("test").items}) == 1
    target = raw.find_target_item(raw.items[0], {"expression": "sad"})
    assert target is not None
    assert target.file == "Rafd090_01_Caucasian_female_sad_frontal.jpg"
    folders = open_files(tmp_path / "sorted")
    assert folders.domain == raw.domain
    assert folders.splits == ("train", "test")


def test_a_zip_is_read_like_its_folder_without_unpacking(write_picture: WritePicture, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for name in ("train/a/1.png", "train/b/2.png", "train/c/3.png", "test/a/4.png"):
        write_picture(name, root=root)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, f"set/{file.relative_to(root).as_posix()}")
        archive.writestr("__MACOSX/set/._1.png", b"")
    folder, packed = open_files(root), open_files(tmp_path / "set.zip")
    assert [item.file for item in packed.items] == [item.file for item in folder.items]
    assert packed.domain == folder.domain
    assert packed.fingerprint() == folder.fingerprint()
    assert all(torch.equal(packed.read(a), folder.read(b)) for a, b in zip(packed.items, folder.items, strict=True))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["set", "set.zip"]


def test_a_zip_of_a_table_or_of_celeba_is_read(write_picture: WritePicture, celeba: Path, tmp_path: Path) -> None:
    root = tmp_path / "more"
    write_picture("1.png", root=root)
    write_picture("2.png", root=root)
    (root / "attributes.csv").write_text("file,hat\n1.png,1\n2.png,0\n", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as table, zipfile.ZipFile(tmp_path / "b.zip", "w") as celeba_zip:
        for file in root.iterdir():
            table.write(file, file.name)
        for file in (celeba / "list_attr_celeba.txt", *(celeba / "img_align_celeba").iterdir()):
            celeba_zip.write(file, file.relative_to(celeba).as_posix())
    assert [item.row for item in open_files(tmp_path / "a.zip", holdout=0).items] == [{"hat": "yes"}, {"hat": "no"}]
    assert open_files(tmp_path / "b.zip").domain.entries == ("hair=black", "hair=blond", "hair=brown", "male", "young")


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "x/../../a.png", "c:/a.png"])
def test_a_zip_with_an_unsafe_name_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(DataError, match=r'bad\.zip" has a file with the unsafe name ".*a\.png".*Pack the folder again\.$'):
        open_data(tmp_path / "bad.zip")


def test_a_zip_with_a_link_and_a_truncated_zip_are_refused(write_picture: WritePicture, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r'link\.zip" has the link "a\.png"'):
        open_data(tmp_path / "link.zip")
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.write(write_picture("1.png"), "1.png")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "cut.zip").read_bytes()[:60])
    with pytest.raises(DataError, match=r'^Archive ".*cut\.zip" cannot be opened: .*copied completely\.$'):
        open_data(tmp_path / "cut.zip")


def test_notes_on_celeba_name_the_other_labels_and_the_split_that_is_not_used(celeba: Path) -> None:
    (celeba / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    notes = open_data(celeba).notes
    assert any(
        note.startswith("The labels are those of StarGAN's paper: hair, male, young. labels= chooses others, such as") for note in notes
    )
    assert any(note.startswith('The split of "list_eval_partition.txt" is not used') for note in notes)
    assert not any("labels= chooses" in note for note in open_data(celeba, labels="male").notes)
