"""The hold-out: every value has test images and training images, and earlier runs keep theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import open_data
from i2ikit.data.holdout import assign_splits
from i2ikit.data.manifest import FIRST_RULES, RULES, Manifest, Record
from i2ikit.errors import OptionError

WritePicture = Callable[..., Path]


def make_manifest(counts: dict[str, int], seed: int = 0, batch_kind: str = "labelled") -> Manifest:
    names = [(domain, f"{domain}/{domain}{seed}-{index}.png") for domain, count in counts.items() for index in range(count)]
    records = [Record(file, cells={"domain": domain}) for domain, file in names]
    return Manifest(tuple(records), ("domain",), batch_kind=batch_kind)


def count_splits(manifest: Manifest, column: str = "domain") -> Counter[tuple[str | None, str]]:
    return Counter((record.cells[column], record.split) for record in manifest.records)


@pytest.mark.parametrize("batch_kind", ["labelled", "unpaired"])
def test_two_domains_of_six_images_have_one_or_two_test_images_each(batch_kind: str) -> None:
    for seed in range(200):
        counts = count_splits(assign_splits(make_manifest({"a": 6, "b": 6}, seed, batch_kind), None))
        assert {counts[domain, "test"] for domain in "ab"} <= {1, 2}, seed


def test_every_value_keeps_a_training_image_and_domains_keep_the_two_that_training_requires() -> None:
    for seed in range(50):
        counts = count_splits(assign_splits(make_manifest({"a": 1, "b": 2, "c": 9}, seed), 0.9))
        assert [counts[domain, "train"] for domain in "ab"] == [1, 1], seed
        assert 1 <= counts["c", "train"] <= 5, seed
        counts = count_splits(assign_splits(make_manifest({"a": 2, "b": 3}, seed, "unpaired"), 0.9))
        assert [counts[domain, "train"] for domain in "ab"] == [2, 2], seed


def test_a_rare_value_beside_a_common_one_has_its_share() -> None:
    for seed in range(50):
        counts = count_splits(assign_splits(make_manifest({"common": 300, "rare": 20}, seed), None))
        assert 1 <= counts["rare", "test"] <= 4, seed
        assert 15 <= counts["common", "test"] <= 60, seed


def test_every_value_of_every_column_is_held_out_and_unknown_cells_count_for_none() -> None:
    records = tuple(
        Record(f"{index}.png", cells={"tone": ("dark", "light", None)[index % 3], "hat": "1" if index < 3 else "0"}) for index in range(30)
    )
    found = assign_splits(Manifest(records, ("tone", "hat")), None)
    assert all(count_splits(found, "tone")[value, "test"] for value in ("dark", "light"))
    assert all(count_splits(found, "hat")[value, split] for value in "01" for split in ("train", "test"))


def test_the_images_of_a_subject_stay_together() -> None:
    records = tuple(
        Record(f"{subject}{tone}.png", cells={"tone": tone}, subject=subject) for subject in "abcdefgh" for tone in ("dark", "light")
    )
    found = assign_splits(Manifest(records, ("tone",)), None)
    assert len({record.split for record in found.records if record.subject == "a"}) == 1
    assert {record.split for record in found.records} == {"train", "test"}


def test_a_column_of_names_does_not_keep_all_images_for_training() -> None:
    records = tuple(Record(f"{index}.png", cells={"name": f"n{index}", "tone": "ab"[index % 2]}) for index in range(40))
    found = assign_splits(Manifest(records, ("name", "tone")), None)
    assert all(count_splits(found, "tone")[tone, "test"] for tone in "ab")


def test_a_column_of_measures_does_not_enlarge_the_test_split() -> None:
    records = tuple(Record(f"{index}.png", cells={"age": str(index // 2), "tone": "ab"[index % 2]}) for index in range(60))
    found = assign_splits(Manifest(records, ("age", "tone")), None)
    assert sum(record.split == "test" for record in found.records) <= 12


def test_many_rare_values_do_not_enlarge_the_test_split() -> None:
    records = tuple(Record(f"{index}.png", cells={"kind": f"k{index // 2}" if index < 40 else "usual"}) for index in range(60))
    found = assign_splits(Manifest(records, ("kind",)), None)
    assert 3 <= sum(record.split == "test" for record in found.records) <= 12
    assert all(count_splits(found, "kind")[f"k{value}", "train"] for value in range(20))


def test_without_test_images_no_note_speaks_of_them() -> None:
    found = [assign_splits(make_manifest({"a": 1, "b": 1}, seed, batch_kind="unpaired"), None) for seed in range(20)]
    empty = [each for each in found if {record.split for record in each.records} == {"train"}]
    assert empty
    assert all(each.notes == () for each in empty)


def test_a_new_image_moves_at_most_one_other_image() -> None:
    for seed in range(50):
        small, large = (assign_splits(make_manifest({"a": 12, "b": count}, seed), None) for count in (6, 7))
        splits = {record.file: record.split for record in large.records}
        assert sum(splits[record.file] != record.split for record in small.records) <= 1, seed


def test_a_choice_of_labels_moves_no_image(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = [f"{index}.png,{'ab'[index % 2]},{index % 5 == 0:d}" for index in range(20)]
    for row in rows:
        write_picture(row.partition(",")[0])
    (tmp_path / "attributes.csv").write_text("\n".join(["file,tone,hat", *rows]), encoding="utf-8")
    whole, part = open_data(tmp_path), open_data(tmp_path, labels="tone")
    assert [item.split for item in whole.items] == [item.split for item in part.items]


def test_the_first_rules_hold_out_by_name_alone(write_picture: WritePicture, tmp_path: Path) -> None:
    for record in make_manifest({"a": 6, "b": 6}).records:
        write_picture(record.file)
    assert {item.file for item in open_data(tmp_path, rules=FIRST_RULES).split("test").items} == {"a/a0-3.png"}
    held = [item.row["domain"] for item in open_data(tmp_path, rules=RULES).split("test").items]
    assert set(held) == {"a", "b"}
    with pytest.raises(OptionError, match=r"^rules=3 does not exist\. Available: 1, 2\.$"):
        open_data(tmp_path, rules=3)
