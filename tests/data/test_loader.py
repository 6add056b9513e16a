from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data.batches import are_equal
from torchvision.transforms import v2

from i2ikit.core.batch_kinds import BATCH_KINDS
from i2ikit.data import Loader, Transform, join, open_data
from i2ikit.errors import DataError, LabelError, OptionError

WritePicture = Callable[..., Path]


def make_loader(path: Path, *, batch_kind: str = "labelled", transform: Transform | None = None, **options: Any) -> Loader:
    options = {"batch": 4, "seed": 7, **options}
    return Loader(open_data(path, batch_kind=batch_kind, holdout=0), transform or Transform(8, 8, flip=True), **options)


def test_a_labelled_batch_has_image_label_and_file(people: Path) -> None:
    batches = make_loader(people)
    batch = next(batches)
    assert batch["image"].shape == (4, 3, 8, 8)
    assert batch["image"].abs().max() <= 1
    assert [row.argmax().item() for row in batch["label"]] == ["abc".index(name[0]) for name in batch["file"]]


def test_an_epoch_has_no_image_twice_and_the_next_one_has_another_order(people: Path) -> None:
    batches = make_loader(people)
    assert batches.batches_per_epoch == 2
    epochs = [[name for batch in itertools.islice(batches, 2) for name in batch["file"]] for _ in range(3)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_do_not_depend_on_the_number_of_workers(people: Path, workers: int) -> None:
    plain, threaded = make_loader(people), make_loader(people, workers=workers)
    assert all(are_equal(next(plain), next(threaded)) for _ in range(7))
    threaded.close()


def test_another_seed_gives_another_order(people: Path) -> None:
    assert next(make_loader(people))["file"] != next(make_loader(people, seed=8))["file"]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_restored_loader_continues_exactly(people: Path, workers: int) -> None:
    first = make_loader(people, workers=workers)
    for _ in range(3):
        next(first)
    state = first.state()
    assert first.position == (1, 1)
    assert state == {"epoch": 1, "index": 1}
    second = make_loader(people, workers=workers)
    next(second)
    second.restore(state)
    assert all(are_equal(next(first), next(second)) for _ in range(4))
    first.close()
    second.close()


def test_a_batch_at_a_position_does_not_depend_on_what_was_cached(people: Path) -> None:
    warm = make_loader(people)
    for _ in range(20):
        next(warm)
    assert are_equal(warm.get_batch(3, 1), make_loader(people).get_batch(3, 1))
    assert warm.position == (10, 0)


def test_a_position_of_another_batch_is_refused(people: Path) -> None:
    with pytest.raises(DataError, match=r"no position \{'epoch': 0, 'index': 9\}: an epoch has 2 batches\."):
        make_loader(people).restore({"epoch": 0, "index": 9})


def test_the_ranks_share_each_batch_in_consecutive_rows(people: Path) -> None:
    whole = next(make_loader(people))
    parts = [next(make_loader(people, rank=rank, world=2)) for rank in range(2)]
    assert torch.equal(whole["image"], torch.cat([part["image"] for part in parts]))
    assert whole["file"] == parts[0]["file"] + parts[1]["file"]
    with pytest.raises(OptionError, match=r"^A batch of 4 .*3 processes\. Choose a multiple of 3\.$"):
        make_loader(people, world=3)


def test_a_batch_larger_than_the_data_is_refused(people: Path) -> None:
    with pytest.raises(DataError, match=r'12 images, but ".*" has 11\. Use a batch of 11 or less\.$'):
        make_loader(people, batch=12)


def test_half_of_the_images_are_mirrored_and_none_without_flip(people: Path) -> None:
    batches = make_loader(people)
    data = open_data(people, batch_kind="labelled", holdout=0)
    unmirrored = {item.file: Transform(8, 8).apply(data.read(item)) for item in data.items}
    mirrored = [
        not torch.equal(image, unmirrored[name])
        for batch in itertools.islice(batches, 100)
        for image, name in zip(batch["image"], batch["file"], strict=True)
    ]
    assert 0.4 < float(np.mean(mirrored)) < 0.6
    plain = next(make_loader(people, transform=Transform(8, 8)))
    assert all(torch.equal(image, unmirrored[name]) for image, name in zip(plain["image"], plain["file"], strict=True))


def test_an_unpaired_batch_has_one_entry_for_each_domain_and_the_short_one_is_repeated(people: Path) -> None:
    batches = make_loader(people, batch_kind="unpaired")
    assert batches.batches_per_epoch == 1
    batch = next(batches)
    assert set(batch) == {"images", "file"}
    assert list(batch["images"]) == ["a", "b", "c"]
    assert [name[0] for name in batch["file"]] == list("aaaabbbbcccc")
    assert sorted(batch["file"][8:]) == ["c/c0.png", "c/c0.png", "c/c1.png", "c/c1.png"]


def test_image_and_target_of_a_pair_get_the_same_flip(write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(6):
        source = write_picture(f"a/{index}.png")
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / source.name).write_bytes(source.read_bytes())
    batches = make_loader(tmp_path, batch_kind="paired")
    for batch in itertools.islice(batches, 6):
        assert torch.equal(batch["image"], batch["target"])
        assert "label" not in batch


def test_images_of_different_size_are_refused_without_a_transform(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png", size=(8, 8))
    write_picture("2.png", size=(8, 9))
    batches = Loader(open_data(tmp_path, holdout=0), None, batch=2, seed=0)
    with pytest.raises(DataError, match=r'same size, but "\d\.png" is 8x\d and "\d\.png" is 8x\d\.'):
        next(batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_an_error_that_names_it(people: Path, workers: int) -> None:
    (people / "a" / "a3.png").write_bytes((people / "a" / "a3.png").read_bytes()[:60])
    batches = make_loader(people, workers=workers)
    with pytest.raises(DataError, match=r'^Image "a/a3\.png" is damaged: [^\n]*\.$'):
        list(itertools.islice(batches, 20))
    batches.close()


def test_folders_may_have_the_names_of_batch_entries(write_picture: WritePicture, tmp_path: Path) -> None:
    for folder in ("image", "label", "file"):
        for number in range(2):
            write_picture(f"{folder}/{number}.png")
    batch = next(make_loader(tmp_path, batch_kind="unpaired", batch=2))
    assert set(batch["images"]) == {"file", "image", "label"}
    assert len(batch["file"]) == 6


def test_images_of_all_subfolders_are_one_set_without_labels(people: Path, write_picture: WritePicture) -> None:
    write_picture("loose.png", size=(12, 10))
    data = open_data(people, batch_kind="images", holdout=0)
    assert (data.batch_kind, data.domain.width, len(data.items)) == ("images", 0, 12)
    assert set(next(make_loader(people, batch_kind="images"))) == {"image", "file"}


def test_a_kind_without_labels_leaves_the_labels_of_the_data_out(people: Path) -> None:
    assert "label" in next(make_loader(people))
    assert "label" not in next(make_loader(people, kind=BATCH_KINDS["images"]))


def test_flip_crop_and_resize_equal_torchvision() -> None:
    image = torch.rand(3, 30, 24) * 2 - 1
    ours = Transform(11, 9, crop=(20, 17)).apply(image, mirrored=True)
    theirs = v2.Compose([v2.RandomHorizontalFlip(1.0), v2.CenterCrop((20, 17)), v2.Resize((11, 9), antialias=True)])(image)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_transform_without_a_generator_never_mirrors_and_with_one_repeats() -> None:
    image = torch.rand(3, 8, 8)
    transform = Transform(8, 8, flip=True)
    assert all(torch.equal(transform(image), image) for _ in range(10))
    drawn = [
        [torch.equal(transform(image, generator), image) for _ in range(20)]
        for generator in (torch.Generator().manual_seed(1) for _ in range(2))
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 2


@pytest.mark.parametrize(("height", "width", "shape"), [(8, 8, (3, 10, 20)), (8, 4, (3, 9, 9)), (3, 17, (3, 40, 31))])
def test_the_fitting_crop_keeps_the_proportions(height: int, width: int, shape: tuple[int, int, int]) -> None:
    step = torch.linspace(-1, 1, shape[2]).expand(shape)
    fitted = Transform(height, width, crop="fit").apply(step)
    assert fitted.shape == (3, height, width)
    window = Transform(height, width, crop="fit").crop_centre(step)
    assert abs(window.shape[1] / window.shape[2] - height / width) < 0.15 * height / width


def test_bad_sizes_and_crops_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^height and width must be at least 1; found 0x8"):
        Transform(0, 8)
    with pytest.raises(OptionError, match=r'^crop must be a size.*found "middle"'):
        Transform(8, 8, crop="middle")
    with pytest.raises(DataError, match=r"8x8, smaller than the crop of 9x9"):
        Transform(8, 8, crop=9).apply(torch.zeros(3, 8, 8))


def test_joined_data_sets_share_one_label_in_which_the_sets_of_the_other_are_unknown(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("one/a/1.png", "one/b/2.png", "one/c/3.png", "two/angry/4.png", "two/happy/5.png", "two/sad/6.png"):
        write_picture(name)
    one, two = join([open_data(tmp_path / "one", holdout=0), open_data(tmp_path / "two", holdout=0)])
    assert one.domain == two.domain
    assert [part.name for part in one.domain.sets] == ["one", "two"]
    assert one.encode_label(one.items[0]) == [1, 0, 0, 0, 0, 0, 1, 0]
    assert two.encode_label(two.items[1]) == [0, 0, 0, 0, 1, 0, 0, 1]
    batch = next(Loader(two.split("train"), Transform(8, 8), batch=3, seed=0))
    assert batch["label"].shape == (3, 8)
    with pytest.raises(LabelError, match=r'^Attribute "domain" is declared twice'):
        join([open_data(tmp_path / "one"), open_data(tmp_path / "one")])


def test_sixteen_cached_images_of_64_come_in_two_milliseconds(real_data: Callable[[str], Path]) -> None:
    data = open_data(real_data("emoji_people"), background="white").split("test")
    batches = Loader(data, Transform(64, 64, flip=True), batch=16, seed=0)
    for _ in range(10 * batches.batches_per_epoch):
        next(batches)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        next(batches)
        times.append(time.perf_counter() - start)
    assert sorted(times)[2] < 0.002


def test_batches_of_a_partly_labelled_set_know_the_same_label_sets_where_possible() -> None:
    data = open_data("faces:count=200,size=8,partial=1", labels=("hair", "expression")).split("train")
    batches = Loader(data, None, batch=8, seed=3)
    for epoch in range(2):
        seen = [next(batches) for _ in range(batches.batches_per_epoch)]
        masks = [{tuple(row) for row in batch["label"][:, data.domain.num_values :].tolist()} for batch in seen]
        assert sum(len(each) > 1 for each in masks) <= 1, epoch
        files = [file for batch in seen for file in batch["file"]]
        assert len(set(files)) == len(files) == len(data.items) // 8 * 8
        firsts = [next(iter(each)) for each in masks]
        assert len(set(firsts[:8])) == 2  # batches of the two masks come in random order


def test_jitter_crops_a_pair_at_one_position_that_changes_from_batch_to_batch(write_picture: WritePicture, tmp_path: Path) -> None:
    for number in range(4):
        picture = write_picture(f"a/{number}.png", size=(20, 20))
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / picture.name).write_bytes(picture.read_bytes())
    loader = Loader(open_data(tmp_path, holdout=0), Transform(16, 16, jitter=0.25), batch=4, seed=0)
    first, second = next(loader), next(loader)

    assert first["image"].shape == (4, 3, 16, 16)
    assert torch.equal(first["image"], first["target"])
    one, other = (dict(zip(batch["file"], batch["image"], strict=True)) for batch in (first, second))
    assert not all(torch.equal(one[file], other[file]) for file in one)
    assert torch.equal(loader.get_batch(0, 0)["image"], first["image"])


def test_jitter_crops_are_inside_and_reach_the_edges() -> None:
    transform, enlarged = Transform(4, 4, jitter=0.5), torch.arange(36.0).reshape(1, 6, 6)

    assert torch.equal(transform.crop_at(enlarged, (0.0, 0.0)), enlarged[..., :4, :4])
    assert torch.equal(transform.crop_at(enlarged, (0.999, 0.999)), enlarged[..., 2:, 2:])
    assert transform.apply(enlarged).shape == (1, 4, 4)


def test_a_jitter_out_of_range_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^jitter must be from 0 to 1.*found 2"):
        Transform(4, 4, jitter=2)
