from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from i2ikit.data import FileDataset, open_data
from i2ikit.errors import DataError, OptionError, UnknownNameError

Draw = Callable[..., Path]


def opened(path: Path, **options: object) -> FileDataset:
    data = open_data(path, **options)  # type: ignore[arg-type]
    assert isinstance(data, FileDataset)
    return data


def test_a_folder_a_domain_with_splits_above(draw: Draw, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for domain in ("10", "9", "x"):
            draw(f"{split}/{domain}/1.png")
    data = opened(tmp_path)
    assert data.batch_kind == "labelled"
    assert data.domain.names == ("9", "10", "x")
    assert data.splits == ("train", "test")
    assert data.label(data.items[0]) == [0, 1, 0]
    assert data.find_target(data.items[0], {"domain": "x"}) is None


def test_a_validation_split_goes_by_its_usual_names(draw: Draw, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        for domain in "abc":
            draw(f"{split}/{domain}/1.png")
    assert opened(tmp_path).splits == ("train", "val", "test")


@pytest.mark.parametrize("layout", ["{split}{domain}/{name}", "{split}/{domain}/{name}", "{domain}/{split}/{name}"])
def test_two_folders_of_different_names_are_unpaired(draw: Draw, tmp_path: Path, layout: str) -> None:
    for split in ("train", "test"):
        for domain in "AB":
            draw(layout.format(split=split, domain=domain, name=f"{domain.lower()}1.png"))
    data = opened(tmp_path, holdout=0)
    assert data.batch_kind == "unpaired"
    assert data.domain.names == ("A", "B")
    assert data.splits == ("train", "test")
    assert any('batch_kind="labelled"' in note for note in data.notes)
    assert opened(tmp_path, batch_kind="labelled").batch_kind == "labelled"


def test_two_folders_of_equal_names_are_pairs_unless_told_otherwise(draw: Draw, tmp_path: Path) -> None:
    for name in ("1", "2"):
        draw(f"photo/{name}.png")
        draw(f"map/{name}.png")
    data = opened(tmp_path, holdout=0)
    assert data.batch_kind == "paired"
    assert [(item.file, item.partner) for item in data.items] == [("map/1.png", "photo/1.png"), ("map/2.png", "photo/2.png")]
    assert any("map -> photo" in note for note in data.notes)
    turned = opened(tmp_path, pairs="photo,map", holdout=0)
    assert [item.partner for item in turned.items] == ["map/1.png", "map/2.png"]
    apart = opened(tmp_path, batch_kind="unpaired", holdout=0)
    assert apart.batch_kind == "unpaired"
    target = apart.find_target(apart.items[0], {"domain": "photo"})
    assert target is not None
    assert torch.equal(target, data.target(data.items[0]))  # type: ignore[arg-type]


def test_pairs_that_are_asked_for_leave_out_what_has_no_partner(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/2.png", "b/3.png"):
        draw(name)
    assert opened(tmp_path).batch_kind == "unpaired"
    data = opened(tmp_path, pairs=True, holdout=0)
    assert [item.file for item in data.items] == ["a/2.png"]
    assert '2 images without a partner of equal name, left out: "a/1.png", "b/3.png".' in data.notes


def test_pairs_without_a_common_name_are_refused(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/2.png")
    with pytest.raises(DataError, match=r'^No name stands both in "a" and in "b", so there are no pairs: "1" against "2"\.'):
        open_data(tmp_path, batch_kind="paired")
    with pytest.raises(UnknownNameError, match=r'^No folder is called "c"'):
        open_data(tmp_path, pairs="a,c")


def test_glued_pairs_are_recognised_under_splits_and_halved(draw: Draw, tmp_path: Path) -> None:
    for split in ("train", "test"):
        draw(f"{split}/1.png", size=(8, 16))
    data = opened(tmp_path)
    assert data.batch_kind == "paired"
    assert (data.image.height, data.image.width) == (8, 8)
    item = data.items[0]
    turned = opened(tmp_path, pairs="B,A")
    target = data.target(item)
    assert target is not None
    assert torch.equal(turned.read(item), target)
    assert not torch.equal(data.read(item), target)


def test_a_single_folder_of_wide_images_is_glued_only_on_request(draw: Draw, tmp_path: Path) -> None:
    draw("1.png", size=(8, 16))
    draw("2.png", size=(8, 16))
    plain = opened(tmp_path)
    assert (plain.batch_kind, plain.domain.width) == ("labelled", 0)
    assert any('batch_kind="glued"' in note for note in plain.notes)
    assert opened(tmp_path, batch_kind="glued").batch_kind == "paired"


def test_glued_images_of_odd_width_are_refused(draw: Draw, tmp_path: Path) -> None:
    draw("1.png", size=(8, 17))
    with pytest.raises(DataError, match=r'^Image "1\.png" is 17 pixels wide, which cannot be halved into a pair\.$'):
        open_data(tmp_path, batch_kind="glued")


def test_a_missing_folder_names_the_nearest(draw: Draw, tmp_path: Path) -> None:
    draw("people/1.png")
    with pytest.raises(DataError, match=r'^There is no data at ".*/poeple"\. Did you mean "people"\?$'):
        open_data(tmp_path / "poeple")
    with pytest.raises(DataError, match=r'^There is no data at ".*/x/y"\. Folder ".*/x" does not exist\.$'):
        open_data(tmp_path / "x" / "y")


def test_an_empty_folder_and_one_without_images_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r'^".*" is empty\. Put images in it: one folder a domain, or a table attributes\.csv beside them\.$'
    ):
        open_data(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r'^".*" holds 1 files, but no image\. Put images in it'):
        open_data(tmp_path)


def test_a_file_that_is_no_data_set_is_refused(draw: Draw) -> None:
    with pytest.raises(
        DataError, match=r'1\.png" is a file that holds no data set\. Give a folder, a zip archive, a CSV or a JSONL table\.$'
    ):
        open_data(draw("1.png"))


def test_an_image_beside_the_folders_is_refused(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    draw("a/2.png")
    with pytest.raises(DataError, match=r'^"1\.png" lies beside the folders and "a/2\.png" in one of them'):
        open_data(tmp_path)


def test_an_unknown_kind_names_the_nearest(draw: Draw, tmp_path: Path) -> None:
    draw("a/2.png")
    with pytest.raises(OptionError, match=r'^"unpared" is no kind of data\. Did you mean "unpaired"'):
        open_data(tmp_path, batch_kind="unpared")


def test_labels_are_refused_where_the_data_has_none(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    with pytest.raises(UnknownNameError, match=r'^No label column is called "tone"\. There is none\.$'):
        open_data(tmp_path, labels="tone")


def test_an_unknown_split_names_those_there_are(draw: Draw, tmp_path: Path) -> None:
    draw("train/a/1.png")
    draw("train/b/2.png")
    with pytest.raises(UnknownNameError, match=r'^No split of ".*" is called "test"\. Available: train\.$'):
        open_data(tmp_path, holdout=0).split("test")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_channels_come_from_the_data(draw: Draw, tmp_path: Path, mode: str, channels: int) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        draw(name, mode=mode, size=(5, 7))
    data = opened(tmp_path)
    assert (data.image.channels, data.image.height, data.image.width) == (channels, 5, 7)
    assert data.read(data.items[0]).shape == (channels, 5, 7)


def test_mixed_channels_are_an_error_that_names_the_file_unless_told_how(draw: Draw, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        draw(name)
    draw("c/4.png", mode="RGBA")
    data = opened(tmp_path)
    with pytest.raises(DataError, match=r'^Image "c/4\.png" is RGBA while the data set is RGB\. Say how: background="white" blends alpha'):
        data.read(data.items[3])
    white = opened(tmp_path, background="white")
    assert white.read(white.items[3]).shape == (3, 8, 8)
    gray = opened(tmp_path, background="white", channels=1)
    assert gray.read(gray.items[0]).shape == (1, 8, 8)


def test_a_crop_larger_than_an_image_is_refused(draw: Draw, tmp_path: Path) -> None:
    draw("1.png")
    with pytest.raises(DataError, match=r'^Image "1\.png" is 8x8, smaller than the crop of 9x9\. Crop less\.$'):
        open_data(tmp_path, crop=9)


def test_the_faces_are_opened_by_their_name() -> None:
    data = open_data("faces:count=40,size=32,seed=3", labels="hair,glasses")
    assert (len(data.items), data.image.height) == (40, 32)
    assert [each.name for each in data.domain.attributes] == ["hair", "glasses"]
    assert open_data("faces:count=10,target=sketch").batch_kind == "paired"
    with pytest.raises(OptionError, match=r'^"cuont=3" is no option of the built-in faces'):
        open_data("faces:cuont=3")
    with pytest.raises(OptionError, match=r'^The built-in faces take no "background"'):
        open_data("faces", background="white")


def test_a_folder_called_faces_is_not_mistaken_for_the_drawings(draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw("faces/a/1.png")
    draw("faces/b/2.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r'^"faces" means the built-in drawings, and here it is a folder too\. Write "\./faces"'):
        open_data("faces")
    assert open_data("./faces").batch_kind == open_data(Path("faces")).batch_kind == "unpaired"
    assert open_data("faces:count=10").name == "faces"


def test_an_opened_data_set_knows_how_it_was_opened_and_a_part_of_it_does_not(draw: Draw, tmp_path: Path) -> None:
    draw("a/1.png")
    draw("b/2.png")
    data = open_data(tmp_path, batch_kind="labelled", background="white")
    assert isinstance(data, FileDataset)
    assert data.origin is not None
    assert (data.origin.path, data.origin.options) == (str(tmp_path), {"batch_kind": "labelled", "background": "white"})
    assert data.keep(data.items[:1]).origin is None


def test_the_real_styles_are_pairs_and_the_real_signs_ten_domains(shared: Callable[[str], Path]) -> None:
    styles = opened(shared("emoji_styles"))
    assert (styles.batch_kind, len(styles.split("train").items), len(styles.split("test").items)) == ("paired", 1192, 138)
    signs = opened(shared("sign_digits"))
    assert signs.domain.names == tuple("0123456789")
    assert (str(signs.image), len(signs.split("train").items), len(signs.split("test").items)) == ("image [3, 100, 100]", 1849, 213)
