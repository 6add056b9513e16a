"""Images that cannot be read while a loader makes batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from data.batches import are_equal

from i2ikit import BatchKind
from i2ikit.data import Loader, Transform, open_data
from i2ikit.data.bad_files import BadFileError
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]


@pytest.fixture
def hundreds(write_picture: WritePicture, tmp_path: Path) -> Path:
    """Write 200 images of two domains, two of which are damaged."""
    for domain, index in itertools.product("ab", range(100)):
        write_picture(f"{domain}/{index:02}.png", size=(6, 6))
    for name in ("a/03.png", "b/50.png"):
        (tmp_path / name).write_bytes(b"no image")
    return tmp_path


def make_loader(path: Path, *, batch_kind: str = "labelled", on_bad_file: str = "skip", **options: Any) -> Loader:
    data = open_data(path, batch_kind=batch_kind, holdout=0)
    return Loader(data, Transform(6, 6, flip=True), **{"batch": 8, "seed": 3, **options}, on_bad_file=on_bad_file)


def read_batches(loader: Loader, count: int = 30) -> list[dict[str, Any]]:
    batches = list(itertools.islice(loader, count))
    loader.close()
    return batches


def test_a_skipped_image_is_replaced_by_one_with_the_same_label(hundreds: Path) -> None:
    loader = make_loader(hundreds)
    batches = read_batches(loader)
    names = [name for batch in batches for name in batch["file"]]
    assert not {"a/03.png", "b/50.png"} & set(names)
    assert sorted(loader.bad_files) == ["a/03.png", "b/50.png"]
    for number, batch in enumerate(batches[:25]):
        order, _ = loader._get_order("", 0)
        expected = [loader.dataset.items[row].file[0] for row in order[number * 8 : number * 8 + 8]]
        assert [name[0] for name in batch["file"]] == expected
        assert ["ab"[int(row.argmax())] for row in batch["label"]] == expected


@pytest.mark.parametrize("batch_kind", ["labelled", "unpaired"])
def test_replacements_depend_neither_on_workers_nor_on_processes_nor_on_the_start(hundreds: Path, batch_kind: str) -> None:
    options: dict[str, Any] = {"batch_kind": batch_kind, "batch": 4}
    whole = read_batches(make_loader(hundreds, **options))
    assert all(map(are_equal, whole, read_batches(make_loader(hundreds, workers=3, **options))))
    halves = [read_batches(make_loader(hundreds, rank=rank, world=2, **options)) for rank in (0, 1)]
    for batch, first, second in zip(whole, *halves, strict=True):
        assert sorted(batch["file"]) == sorted(first["file"] + second["file"])
    late = make_loader(hundreds, **options)
    late.restore({"epoch": 0, "index": 11})
    assert all(map(are_equal, whole[11:], read_batches(late, 19)))


def test_another_epoch_has_another_replacement(hundreds: Path) -> None:
    loader = make_loader(hundreds)
    row = next(index for index, item in enumerate(loader.dataset.items) if item.file == "a/03.png")
    place = {}
    for epoch in range(4):
        order, _ = loader._get_order("", epoch)
        position = order.index(row)
        place[epoch] = loader.get_batch(epoch, position // 8)["file"][position % 8]
    assert len(set(place.values())) > 1


@pytest.mark.parametrize("workers", [0, 3])
def test_more_than_one_percent_stops_at_the_same_batch_with_the_list(hundreds: Path, workers: int) -> None:
    (hundreds / "a/77.png").write_bytes(b"")
    loader = make_loader(hundreds, workers=workers)
    with pytest.raises(BadFileError, match=r'^3 files of 200 images cannot be read, more than the 1%.*"a/77\.png"') as caught:
        read_batches(loader)
    position = loader.position
    loader.close()
    assert sorted(caught.value.reasons) == ["a/03.png", "a/77.png", "b/50.png"]
    other = make_loader(hundreds)
    with pytest.raises(BadFileError):
        read_batches(other)
    assert other.position == position


def test_stop_is_an_error_at_the_first_file(hundreds: Path) -> None:
    with pytest.raises(BadFileError, match=r'^Image "./\d\d\.png" has an unknown format') as caught:
        read_batches(make_loader(hundreds, on_bad_file="stop"))
    assert len(caught.value.reasons) == 1


def test_a_damaged_reference_is_replaced_within_its_label(hundreds: Path) -> None:
    kind = BatchKind("two references", label="required", references=2)
    options: dict[str, Any] = {"kind": kind, "batch": 20}
    loader = make_loader(hundreds, **options)
    batches = read_batches(loader, 20)
    assert sorted(loader.bad_files) == ["a/03.png", "b/50.png"]
    for batch in batches:
        assert not (batch["reference_label"] * batch["label"]).any()
    assert all(map(are_equal, batches, read_batches(make_loader(hundreds, workers=2, **options), 20)))


def test_the_damaged_half_of_a_pair_is_named_and_the_pair_replaced(write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(120):
        for folder in ("in", "out"):
            write_picture(f"{folder}/{index:03}.png", size=(6, 6))
    (tmp_path / "out/007.png").write_bytes(b"")
    loader = make_loader(tmp_path, batch_kind="paired")
    data = loader.dataset
    for batch in read_batches(loader):
        for name, target in zip(batch["file"], batch["target"], strict=True):
            pixels = data.read_target(next(item for item in data.items if item.file == name))
            assert torch.equal(target, pixels) or torch.equal(target.flip(-1), pixels)
    assert list(loader.bad_files) == ["out/007.png"]


def test_images_of_other_channels_are_skipped_too(write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(120):
        write_picture(f"a/{index:03}.png", size=(6, 6), mode="L" if index == 5 else "RGB")
        write_picture(f"b/{index:03}.png", size=(6, 6))
    loader = make_loader(tmp_path)
    read_batches(loader, 60)
    assert list(loader.bad_files) == ["a/005.png"]
    assert issubclass(BadFileError, DataError)
