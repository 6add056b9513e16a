from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from data.files import open_files

from i2ikit.data import FileDataset, open_data
from i2ikit.errors import DataError, OptionError, UnknownNameError

WritePicture = Callable[..., Path]


def test_one_folder_for_each_domain_below_the_splits(write_picture: WritePicture, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for domain in ("10", "9", "x"):
            write_picture(f"{split}/{domain}/1.png")
    data = open_files(tmp_path)
    assert data.batch_kind == "labelled"
    assert data.domain.names == ("9", "10", "x")
    assert data.splits == ("train", "test")
    assert data.encode_label(data.items[0]) == [0, 1, 0]
    assert data.find_target(data.items[0], {"domain": "x"}) is None


def test_a_validation_split_may_be_called_valid(write_picture: WritePicture, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        for domain in "abc":
            write_picture(f"{split}/{domain}/1.png")
    assert open_files(tmp_path).splits == ("train", "val", "test")


@pytest.mark.parametrize("layout", ["{split}{domain}/{name}", "{split}/{domain}/{name}", "{domain}/{split}/{name}"])
def test_two_folders_of_different_names_are_unpaired(write_picture: WritePicture, tmp_path: Path, layout: str) -> None:
    for split in ("train", "test"):
        for domain in "AB":
            write_picture(layout.format(split=split, domain=domain, name=f"{domain.lower()}1.png"))
    data = open_files(tmp_path, holdout=0)
    assert data.batch_kind == "unpaired"
    assert data.domain.names == ("A", "B")
    assert data.splits == ("train", "test")
    assert any('batch_kind="labelled"' in note for note in data.notes)
    assert open_files(tmp_path, batch_kind="labelled").batch_kind == "labelled"


def test_two_folders_of_equal_names_are_pairs_unless_requested_otherwise(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_picture(f"photo/{name}.png")
        write_picture(f"map/{name}.png")
    data = open_files(tmp_path, holdout=0)
    assert data.batch_kind == "paired"
    assert [(item.file, item.target_file) for item in data.items] == [("map/1.png", "photo/1.png"), ("map/2.png", "photo/2.png")]
    assert any("map -> photo" in note for note in data.notes)
    swapped = open_files(tmp_path, pairs="photo,map", holdout=0)
    assert [item.target_file for item in swapped.items] == ["map/1.png", "map/2.png"]
    unpaired = open_files(tmp_path, batch_kind="unpaired", holdout=0)
    assert unpaired.batch_kind == "unpaired"
    target = unpaired.find_target(unpaired.items[0], {"domain": "photo"})
    assert target is not None
    assert torch.equal(target, data.read_target(data.items[0]))  # type: ignore[arg-type]


def test_requested_pairs_leave_out_images_without_a_partner(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/2.png", "b/3.png"):
        write_picture(name)
    assert open_files(tmp_path).batch_kind == "unpaired"
    data = open_files(tmp_path, pairs=True, holdout=0)
    assert [item.file for item in data.items] == ["a/2.png"]
    assert data.left_out == {"without a partner of equal name": ("a/1.png", "b/3.png")}


def test_pairs_without_a_common_name_are_refused(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/2.png")
    with pytest.raises(DataError, match=r'no pairs: no file name is in both "a" \("1"\) and "b" \("2"\)\.'):
        open_data(tmp_path, batch_kind="paired")
    with pytest.raises(UnknownNameError, match=r'^No folder is called "c"'):
        open_data(tmp_path, pairs="a,c")


def test_pairs_side_by_side_are_recognised_below_splits_and_halved(write_picture: WritePicture, tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_picture(f"{split}/1.png", size=(8, 16))
    data = open_files(tmp_path)
    assert data.batch_kind == "paired"
    assert (data.image.height, data.image.width) == (8, 8)
    item = data.items[0]
    swapped = open_files(tmp_path, pairs="B,A")
    target = data.read_target(item)
    assert target is not None
    assert torch.equal(swapped.read(item), target)
    assert not torch.equal(data.read(item), target)


def test_a_single_folder_of_wide_images_is_pairs_only_on_request(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png", size=(8, 16))
    write_picture("2.png", size=(8, 16))
    plain = open_files(tmp_path)
    assert (plain.batch_kind, plain.domain.width) == ("labelled", 0)
    assert any('batch_kind="glued"' in note for note in plain.notes)
    assert open_files(tmp_path, batch_kind="glued").batch_kind == "paired"


def test_pairs_side_by_side_of_odd_width_are_refused(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png", size=(8, 17))
    with pytest.raises(DataError, match=r'^Image "1\.png" is 17 pixels wide.*even width'):
        open_data(tmp_path, batch_kind="glued")


def test_a_missing_folder_names_the_nearest(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("people/1.png")
    with pytest.raises(DataError, match=r'^There is no data at ".*/poeple"\. Did you mean "people"\?$'):
        open_data(tmp_path / "poeple")
    with pytest.raises(DataError, match=r'^There is no data at ".*/x/y"\. Folder ".*/x" does not exist\.$'):
        open_data(tmp_path / "x" / "y")


def test_a_folder_without_images_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'^".*" is empty\. Put images into it: one folder for each domain, or .*attributes\.csv'):
        open_data(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r'^".*" has 1 file, but no image\. Put images into it'):
        open_data(tmp_path)


def test_a_file_that_is_not_a_data_set_is_refused(write_picture: WritePicture) -> None:
    with pytest.raises(DataError, match=r'1\.png" is not a data set\. Use a folder, a zip archive, a CSV table or a JSONL table\.$'):
        open_data(write_picture("1.png"))


def test_an_image_outside_the_folders_of_the_domains_is_refused(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    write_picture("a/2.png")
    with pytest.raises(DataError, match=r'^"1\.png" is not in a folder, but "a/2\.png" is'):
        open_data(tmp_path)


def test_an_unknown_batch_kind_names_the_nearest(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/2.png")
    with pytest.raises(OptionError, match=r'"unpared"\. Did you mean "unpaired"'):
        open_data(tmp_path, batch_kind="unpared")


def test_labels_are_refused_if_the_data_has_none(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    with pytest.raises(UnknownNameError, match=r'^No label column is called "tone"\. Available: none\.$'):
        open_data(tmp_path, labels="tone")


def test_an_unknown_split_lists_the_available_ones(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("train/a/1.png")
    write_picture("train/b/2.png")
    with pytest.raises(UnknownNameError, match=r'^No split of ".*" is called "test"\. Available: train\.$'):
        open_data(tmp_path, holdout=0).split("test")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_channels_come_from_the_data(write_picture: WritePicture, tmp_path: Path, mode: str, channels: int) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        write_picture(name, mode=mode, size=(5, 7))
    data = open_files(tmp_path)
    assert (data.image.channels, data.image.height, data.image.width) == (channels, 5, 7)
    assert data.read(data.items[0]).shape == (channels, 5, 7)


def test_mixed_channels_are_an_error_that_names_the_file_unless_converted(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        write_picture(name)
    write_picture("c/4.png", mode="RGBA")
    data = open_files(tmp_path)
    with pytest.raises(DataError, match=r'^Image "c/4\.png" is RGBA, but the data set is RGB\. Use background="white"'):
        data.read(data.items[3])
    white = open_files(tmp_path, background="white")
    assert white.read(white.items[3]).shape == (3, 8, 8)
    grey = open_files(tmp_path, background="white", channels=1)
    assert grey.read(grey.items[0]).shape == (1, 8, 8)


def test_a_crop_larger_than_an_image_is_refused(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    with pytest.raises(DataError, match=r'^Image "1\.png" is 8x8, smaller than the crop of 9x9'):
        open_data(tmp_path, crop=9)


def test_the_faces_are_opened_by_their_name() -> None:
    data = open_data("faces:count=40,size=32,seed=3", labels="hair,glasses")
    assert (len(data.items), data.image.height) == (40, 32)
    assert [each.name for each in data.domain.attributes] == ["hair", "glasses"]
    assert open_data("faces:count=10,target=sketch").batch_kind == "paired"
    with pytest.raises(OptionError, match=r'^"cuont=3" is not an option of the built-in faces'):
        open_data("faces:cuont=3")
    with pytest.raises(OptionError, match=r"^The built-in faces do not support background="):
        open_data("faces", background="white")


def test_a_folder_called_faces_is_not_mistaken_for_the_built_in_faces(
    write_picture: WritePicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture("faces/a/1.png")
    write_picture("faces/b/2.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r'^"faces" means the built-in faces, .*Write "\./faces"'):
        open_data("faces")
    assert open_data("./faces").batch_kind == open_data(Path("faces")).batch_kind == "unpaired"
    assert open_data("faces:count=10").name == "faces"


def test_a_data_set_knows_its_origin_and_a_part_of_it_has_none(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/2.png")
    data = open_data(tmp_path, batch_kind="labelled", background="white")
    assert isinstance(data, FileDataset)
    assert data.origin is not None
    assert (data.origin.path, data.origin.options) == (str(tmp_path), {"batch_kind": "labelled", "background": "white", "rules": 2})
    assert data.select(data.items[:1]).origin is None


def test_the_real_styles_are_pairs_and_the_real_signs_ten_domains(real_data: Callable[[str], Path]) -> None:
    styles = open_files(real_data("emoji_styles"))
    assert (styles.batch_kind, len(styles.split("train").items), len(styles.split("test").items)) == ("paired", 1192, 138)
    signs = open_files(real_data("sign_digits"))
    assert signs.domain.names == tuple("0123456789")
    assert (str(signs.image), len(signs.split("train").items), len(signs.split("test").items)) == ("image [3, 100, 100]", 1849, 213)


def test_spaces_around_the_name_of_a_folder_are_not_part_of_the_value(write_picture: WritePicture, tmp_path: Path) -> None:
    for folder in ("cats ", "dogs", "hens\n"):
        for number in range(2):
            write_picture(f"{folder}/{number}.png")
    data = open_files(tmp_path, batch_kind="labelled")
    assert data.domain.attribute("domain").values == ("cats", "dogs", "hens")


def test_file_names_that_are_not_utf8_are_names(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/\udcff.png", "a/1.png", "b/\udcfe\udc80.png", "b/2.png"):
        write_picture(name)
    data = open_files(tmp_path, batch_kind="labelled", holdout=0.5)
    assert {item.file for item in data.items} == {"a/\udcff.png", "a/1.png", "b/\udcfe\udc80.png", "b/2.png"}
    assert data.fingerprint() == open_files(tmp_path, batch_kind="labelled", holdout=0.5).fingerprint()
