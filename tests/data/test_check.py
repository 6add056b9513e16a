from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from i2ikit.data import check
from i2ikit.errors import DataError

WritePicture = Callable[..., Path]


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands be those of a machine with a GPU."""
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: True)


@pytest.fixture
def people(write_picture: WritePicture, tmp_path: Path) -> Path:
    rows = ["1.png,train,a,dark,1", "2.png,train,b,light,", "3.png,test,c,dark,0", "4.png,test,a,light,1"]
    for row in rows:
        write_picture(row.split(",", maxsplit=1)[0], size=(40, 70))
    (tmp_path / "attributes.csv").write_text("\n".join(["file,split,subject,tone,hat", *rows]), encoding="utf-8")
    return tmp_path


def test_the_report_counts_splits_sizes_modes_and_labels(people: Path) -> None:
    report = check(people)
    assert report.ok
    assert report.images == {"train": 2, "test": 2}
    assert report.sizes == {"40 x 70": 4}
    assert report.modes == {"RGB 8 bit": 4}
    assert report.labels["tone"] == {"dark": {"train": 1, "test": 1}, "light": {"train": 1, "test": 1}}
    assert report.labels["hat"] == {"no": {"test": 1}, "yes": {"train": 1, "test": 1}, None: {"train": 1}}
    assert report.shared_subjects == ["a"]
    assert report.command == f"i2ikit train stargan --data {people} --labels tone,hat --size 32x64 --batch 2 --run runs/{people.stem}"


def test_the_text_shows_the_label_table_and_the_command(people: Path) -> None:
    text = check(people).render()
    assert "label set: tone  train  test" in text
    assert "hat = (unknown)      1     0" in text
    assert "all images can be read" in text
    assert 'subjects in two splits: "a"' in text
    assert text.endswith(
        f"train with:\n  i2ikit train stargan --data {people} --labels tone,hat --size 32x64 --batch 2 --run runs/{people.stem}"
    )


def test_every_damaged_file_is_named(people: Path) -> None:
    (people / "2.png").write_bytes((people / "2.png").read_bytes()[:-2000])
    (people / "3.png").write_bytes(b"")
    report = check(people)
    assert not report.ok
    assert [name for name, _ in report.unreadable] == ["2.png", "3.png"]
    assert 'unreadable: Image "3.png" is empty (0 bytes). Replace or remove it.' in report.render()


def test_files_of_other_channels_are_named(people: Path, write_picture: WritePicture) -> None:
    write_picture("3.png", mode="RGBA")
    report = check(people)
    assert report.odd_channels == ["3.png"]
    assert 'other channels than most files: "3.png"' in report.render()
    assert "--background white" in report.render()
    white = check(people, background="white")
    assert white.ok
    assert white.command.endswith(f"--size 32x64 --batch 2 --background white --run runs/{people.stem}")


def test_equal_files_in_two_splits_are_named(people: Path) -> None:
    (people / "4.png").write_bytes((people / "1.png").read_bytes())
    assert check(people).duplicates == [("1.png", "4.png")]


def test_the_command_blends_alpha_over_white(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        write_picture(name, mode="RGBA", size=(64, 64))
    report = check(tmp_path)
    assert report.command == f"i2ikit train stargan --data {tmp_path} --size 64 --batch 2 --background white --run runs/{tmp_path.stem}"
    assert any("alpha as a channel" in note for note in report.notes)


def test_data_without_labels_gets_no_command(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("1.png")
    report = check(tmp_path)
    assert report.command == ""
    assert report.render().splitlines()[-1].startswith("StarGAN requires labels")


def test_data_of_only_damaged_images_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r'^Image "1\.png" .*Replace or remove it\.$'):
        check(tmp_path)


def test_pairs_of_different_size_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    write_picture("a/1.png")
    write_picture("b/1.png", size=(16, 16))
    assert check(tmp_path).reason.startswith("There is no training command: Source and target differ in size in 1 of 1 pair: a/1.png ")


def test_unreadable_and_cropped_images_are_not_reported_as_different_in_size(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "a/2.png", "b/2.png"):
        write_picture(name, size=(40, 40))
    (tmp_path / "b/1.png").write_bytes(b"x")
    assert "differ in size" not in check(tmp_path).render()
    write_picture("b/1.png", size=(60, 40))
    report = check(tmp_path)
    assert [note[:26] for note in report.notes if "differ" in note] == ["Images have different prop"]
    assert report.render().count("differ in size") == 1
    assert "differ" not in check(tmp_path, crop=32).render()


def test_the_command_names_a_recipe_for_the_batch_kind(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_picture(name, size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train pix2pix ")
    for name in ("a/3.png", "b/2.png", "b/4.png"):
        write_picture(name, size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train cyclegan ")
    write_picture("c/2.png", size=(32, 32))
    assert check(tmp_path).command.startswith("i2ikit train stargan ")


def test_a_check_of_images_without_labels_shows_how_to_train_on_them(people: Path) -> None:
    report = check(people, batch_kind="images")
    assert (report.images, report.sets, report.command) == ({"train": 2, "test": 2}, [], "")
    assert "i2ikit train RECIPE --data" in report.render()


def test_sources_may_have_other_channels_than_targets(write_picture: WritePicture, tmp_path: Path) -> None:
    for number in range(3):
        write_picture(f"a/{number}.png", mode="L")
        write_picture(f"b/{number}.png")
    assert check(tmp_path).odd_channels == []
    write_picture("b/1.png", mode="L")
    assert check(tmp_path).odd_channels == ["b/1.png"]


def test_the_report_on_the_real_people(real_data: Callable[[str], Path]) -> None:
    report = check(real_data("emoji_people"))
    assert report.ok
    assert report.images == {"train": 1440, "test": 288}
    assert report.labels["gender"][None] == {"train": 744, "test": 132}
    assert report.shared_subjects == []


def test_without_a_gpu_the_command_has_the_fast_recipe_and_a_limit(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2ikit.data.train_command.has_gpu", lambda: False)
    report = check(people)
    assert report.command.startswith("i2ikit train stargan-fast ")
    assert report.reason == "This machine has no GPU: --minutes 30 ends the training after half an hour."


def test_the_run_folder_of_the_command_does_not_exist_yet(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / people.name).mkdir(parents=True)
    assert check(people).command.endswith(f"--run runs/{people.name}-2")
    assert check(".").command.endswith(f"--run runs/{people.name}-2")


def test_every_file_that_is_checked_counts_as_progress(people: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    check(people, on_task=lambda *call: calls.append(call))
    assert calls == [("Checking files", done, 4) for done in range(5)]


def write_rows(write_picture: WritePicture, root: Path, head: str, cells: list[str]) -> Path:
    for index in range(len(cells)):
        write_picture(f"{index}.png", size=(32, 32))
    (root / "attributes.csv").write_text("\n".join([head, *(f"{index}.png,{cell}" for index, cell in enumerate(cells))]))
    return root


def test_a_value_with_few_images_is_named(write_picture: WritePicture, tmp_path: Path) -> None:
    rows = ["train,dark"] * 22 + ["train,light", "test,dark"]
    [note] = [note for note in check(write_rows(write_picture, tmp_path, "file,split,tone", rows)).notes if "imbalanced" in note]
    assert '"light" has 1 training image, "dark" 22' in note
    rows = ["train,dark"] * 20 + ["train,light", "test,dark"]
    assert not any("imbalanced" in note for note in check(write_rows(write_picture, tmp_path, "file,split,tone", rows)).notes)


def test_a_column_of_many_numbers_is_named(write_picture: WritePicture, tmp_path: Path) -> None:
    root = write_rows(write_picture, tmp_path, "file,age", [str(20 + index % 40) for index in range(80)])
    assert any(note.startswith('Column "age" holds 40 different numbers, and each') for note in check(root).notes)
    root = write_rows(write_picture, tmp_path, "file,age", [str(index % 10) for index in range(80)])
    assert not any("different numbers" in note for note in check(root).notes)


def test_cells_without_a_value_are_unknown_and_counted(write_picture: WritePicture, tmp_path: Path) -> None:
    cells = ["dark", "light", "N/A", "nan", "NULL", "?", "<NA>", "", "none"]
    report = check(write_rows(write_picture, tmp_path, "file,tone", cells))
    assert set(report.labels["tone"]) == {"dark", "light", "none", None}
    assert sum(report.labels["tone"][None].values()) == 6
    assert any(note.startswith('5 cells of column "tone" without a value ("N/A", "nan", "NULL" and 2 more)') for note in report.notes)


def test_a_folder_may_be_called_na(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("na/1.png", "eu/1.png", "as/1.png"):
        write_picture(name, size=(32, 32))
    assert set(check(tmp_path).labels["domain"]) == {"as", "eu", "na"}


def test_domains_of_another_colour_are_named_with_the_option_that_converts_them(write_picture: WritePicture, tmp_path: Path) -> None:
    for index in range(3):
        write_picture(f"a/a{index}.png", size=(32, 32), mode="L")
        write_picture(f"b/b{index}.png", size=(32, 32))
    report = check(tmp_path)
    assert any('"a" is grey, "b" is RGB. --channels 3 reads all as RGB' in note for note in report.notes)
    assert "--channels 3" in report.command


def test_images_that_would_be_enlarged_are_named(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png", "c/3.png"):
        write_picture(name, size=(32, 32))
    assert not any("smaller" in note for note in check(tmp_path).notes)
    write_picture("c/4.png", size=(1, 1))
    assert any('1 of 4 images are much smaller than the training size 32x32 and become blurred: "c/4.png" has 1 x 1' in note
               for note in check(tmp_path).notes)  # fmt: skip


def test_a_few_damaged_files_are_no_reason_against_a_training(write_picture: WritePicture, tmp_path: Path) -> None:
    for name in "abc":
        for index in range(50):
            write_picture(f"{name}/{name}{index}.png")
    (tmp_path / "a/a7.png").write_bytes(b"")
    report = check(tmp_path)
    assert [name for name, _ in report.unreadable] == ["a/a7.png"]
    assert report.command


def test_the_size_of_a_training_is_at_most_about_128() -> None:
    from i2ikit.data.train_command import choose_training_size

    assert [choose_training_size(*size) for size in ((200, 130), (64, 64), (1, 1), (70, 40))] == [(192, 128), (64, 64), (16, 16), (64, 32)]
