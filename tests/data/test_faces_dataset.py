"""The built-in faces as a data set, in memory and on disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2ikit.data import open_data
from i2ikit.data.faces import (
    FACES,
    PARTS,
    FacesDataset,
    draw_faces,
    draw_segments,
    sample_identities,
    sample_rows,
    write_faces,
)
from i2ikit.errors import DataError, OptionError, UnknownNameError
from i2ikit.pixels import read_image

SIZE = 64


def test_splits_are_disjoint_by_identity_and_do_not_depend_on_the_count() -> None:
    few, many = FacesDataset(200), FacesDataset(1000)
    assert many.splits == ("train", "val", "test")
    sizes = {name: len(many.split(name)) for name in many.splits}
    assert sizes["test"] == 100
    assert abs(sizes["val"] - 50) <= 1
    subjects = [{item.subject for item in many.split(name).items} for name in many.splits]
    assert not set.intersection(*subjects)
    assert len(set.union(*subjects)) == 1000
    assert [(item.file, item.split) for item in few.items] == [(item.file, item.split) for item in many.items[:200]]


def test_decoded_labels_equal_the_rows() -> None:
    data = FacesDataset(50)
    assert [data.domain.decode(data.encode_label(item)) for item in data.items] == [item.row for item in data.items]


def test_partial_hides_one_label_set_of_each_training_face() -> None:
    data = FacesDataset(200, partial=True)
    masks = torch.tensor([data.encode_label(item)[-2:] for item in data.split("train").items])
    assert bool((masks.sum(dim=1) == 1).all())
    assert abs(float(masks[:, 0].mean()) - 0.5) < 0.01
    assert all(None not in item.row.values() for item in data.split("test").items)
    hidden = next(item for item in data.items if item.row["hair"] is None)
    assert data.true_row(hidden)["hair"] in FACES.attribute("hair").choices


def test_selected_labels_form_the_domain() -> None:
    data = FacesDataset(20, labels=("hair", "glasses"))
    assert [each.name for each in data.domain.attributes] == ["hair", "glasses"]
    assert not data.domain.masked
    assert len(data.encode_label(data.items[0])) == data.domain.width == 5
    with pytest.raises(UnknownNameError, match='attribute is called "glases"'):
        FacesDataset(20, labels=("glases",))


def test_read_returns_the_drawing_and_find_target_the_drawing_after_a_change() -> None:
    data = FacesDataset(80, size=(40, 32))
    item = data.items[70]
    identities = sample_identities(0, [70])
    assert torch.equal(data.read(item), draw_faces(identities, [data.true_row(item)], 40, 32)[0])
    assert torch.equal(data.read_many(data.items[:3])[2], data.read(data.items[2]))
    changed = draw_faces(identities, [{**data.true_row(item), "hair": "red", "hat": "yes"}], 40, 32)[0]
    assert torch.equal(data.find_target(item, {"hair": "red", "hat": True}), changed)
    with pytest.raises(UnknownNameError, match='value of "hair" is called "green"'):
        data.find_target(item, {"hair": "green"})


def test_pairs_of_views() -> None:
    data = FacesDataset(10, view="sketch", target="image")
    assert (data.batch_kind, data.source.channels, data.image.channels, data.domain.width) == ("paired", 1, 3, 0)
    target = data.read_target(data.items[4])
    assert target is not None
    assert torch.equal(target, FacesDataset(10).read(data.items[4]))


def test_the_fingerprint_depends_on_the_content() -> None:
    fingerprints = {FacesDataset(20).fingerprint(), FacesDataset(20, seed=1).fingerprint(), FacesDataset(20, partial=True).fingerprint()}
    assert len(fingerprints) == 3
    assert FacesDataset(20).fingerprint() in fingerprints


def test_files_equal_the_drawings_bit_for_bit(tmp_path: Path) -> None:
    folder = write_faces(tmp_path / "faces", count=6, size=32, seed=2)
    data = FacesDataset(6, size=32, seed=2)
    lines = (folder / "attributes.csv").read_text().splitlines()
    assert lines[0] == "file,split,subject,hair,glasses,hat,expression"
    for item, line in zip(data.items, lines[1:], strict=True):
        file, split, subject, *values = line.split(",")
        assert (split, subject, values) == (item.split, item.subject, list(data.true_row(item).values()))
        assert torch.equal(read_image(folder / file), data.read(item))
    for view in ("profile", "sketch", "segments", "low", "masked", "parts", "masks"):
        assert len(list((folder / view).glob("*.png"))) == 6
    numbers = np.asarray(Image.open(folder / "parts" / "000003.png"))
    assert np.array_equal(numbers, draw_segments(sample_identities(2, [3]), sample_rows(2, [3]), 32, 32)[0].numpy())
    assert json.loads((folder / "parts.json").read_text())["5"] == PARTS[5]


def test_writing_refuses_a_folder_with_files_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(DataError, match=r"is not empty\. Choose a new or empty folder"):
        write_faces(tmp_path, count=2, size=8)
    assert [each.name for each in tmp_path.iterdir()] == ["kept.txt"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(DataError, match=r"No space left on device"):
        write_faces(tmp_path / "faces", count=2, size=8)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_thousand_faces_take_seconds_of_one_core() -> None:
    identities, rows = sample_identities(0, range(2000)), sample_rows(0, range(2000))
    start = time.process_time()
    draw_faces(identities, rows, SIZE, SIZE)
    assert time.process_time() - start < 20  # about 3 s on an idle core; a shared one takes longer


def test_zero_faces_give_an_empty_batch() -> None:
    assert draw_faces(sample_identities(0, []), [], 8, 9).shape == (0, 3, 8, 9)


def test_faces_without_hats_differ_in_the_image_and_have_no_label_hat() -> None:
    hatless, hatted = FacesDataset(40, size=16, hats=False), FacesDataset(40, size=16)

    assert [each.name for each in hatless.domain.attributes] == ["hair", "glasses", "expression"]
    assert {hatless.true_row(item)["hat"] for item in hatless.items} == {"no"}
    with_hat = [index for index, item in enumerate(hatted.items) if hatted.true_row(item)["hat"] == "yes"]
    assert with_hat
    assert all(not torch.equal(hatless.read(hatless.items[i]), hatted.read(hatted.items[i])) for i in with_hat)
    with pytest.raises(OptionError, match=r'Without hats.*"hat"'):
        FacesDataset(4, labels=("hair", "hat"), hats=False)


def test_a_group_gives_unpaired_domains_with_true_targets() -> None:
    data = open_data("faces:count=40,size=16,domains=hair")
    item = next(item for item in data.items if item.row["hair"] == "black")
    target = data.find_target(item, {"hair": "blond"})

    assert (data.batch_kind, data.domain.names) == ("unpaired", FACES.attribute("hair").values)
    assert target is not None
    assert not torch.equal(target, data.read(item))


def test_one_value_gives_two_domains_and_the_other_one_has_no_single_target() -> None:
    data = open_data("faces:count=60,size=16,domains=neutral")
    faces = {str(item.row["expression"]): item for item in data.items}

    assert data.domain.names == ("neutral", "other")
    assert data.find_target(faces["neutral"], {"expression": "other"}) is None
    assert data.find_target(faces["other"], {"expression": "neutral"}) is not None


def test_unsupported_domains_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r'^No attribute of the faces.*"nose"'):
        open_data("faces:domains=nose")
    with pytest.raises(OptionError, match=r"domains=hair together with target, labels or partial"):
        open_data("faces:domains=hair,target=sketch")
    with pytest.raises(DataError, match=r'"faces:count=9" is labelled\. Use "faces:count=9,view=sketch,target=image"'):
        open_data("faces:count=9", batch_kind="paired")
