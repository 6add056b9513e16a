"""Images that cannot be read during a training, and images that change between a start and a resume."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from toy_training import CallAtStep, assert_same_state, read_losses

from i2ikit import Model, build, fit, open_data, resume
from i2ikit.errors import ConfigChangedError, DataError
from i2ikit.train.progress import Lines, Silent


def write_images(root: Path, count: int = 6) -> Path:
    for folder, index in itertools.product("ab", range(count)):
        write_image(root / folder / f"{index:03}.png", index)
    return root


def write_image(path: Path, seed: int, colour: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng([seed, len(path.parent.name), colour]).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "BMP")  # of the same size, whatever it shows


def train(run: Path, data: Path, steps: int = 6, **options: Any) -> Model:
    opened = open_data(data, batch_kind="labelled", holdout=0)
    model = build("stargan-fast", rehearsal=False, labels=opened.domain, size=16, batch=4, generator={"width": 4, "blocks": 1},
                  discriminator={"width": 4, "depth": 2})  # fmt: skip
    settings = {"log_every": 1, "sample_every": 0, "checkpoint_every": 2, "progress": Silent(), **options}
    return fit(model, opened, run, steps=steps, **settings)


def interrupt() -> None:
    raise KeyboardInterrupt


def stop_after(step: int) -> dict[str, Any]:
    return {"loggers": [CallAtStep(step, interrupt)]}


def test_images_that_were_replaced_by_others_of_equal_size_are_noticed_and_named(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    train(tmp_path / "run", data, steps=2)
    write_image(data / "a/003.png", 3, colour=9)
    with pytest.raises(ConfigChangedError, match=r'data\.content: \w+ -> \w+ \(other files than at the start: "a/003\.png"\)'):
        resume(tmp_path / "run", steps=4, allow=["recipe.steps"], progress=Silent())
    assert resume(tmp_path / "run", steps=4, allow=["recipe.steps", "data.content"], progress=Silent()).steps_done == 4
    assert resume(tmp_path / "run", progress=Silent()).steps_done == 4  # the change was written


def test_images_that_are_missing_or_new_are_named(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    train(tmp_path / "run", data, steps=2)
    (data / "a/003.png").unlink()
    write_image(data / "b/100.png", 100)
    with pytest.raises(ConfigChangedError, match=r'\(other files than at the start: "a/003\.png", "b/100\.png"\)'):
        resume(tmp_path / "run", progress=Silent())


def test_files_that_were_only_copied_are_the_same_data_and_are_read_only_if_they_were_written(tmp_path: Path) -> None:
    from i2ikit.data.source import FolderSource

    data = write_images(tmp_path / "data")
    train(tmp_path / "run", data, steps=2)
    read: list[str] = []
    original = FolderSource.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FolderSource, "read", lambda self, file: read.append(file) or original(self, file))
        os.utime(data / "b/001.png", ns=(10**18, 10**18))
        resume(tmp_path / "run", progress=Silent())
        counted = {name: read.count(name) for name in ("a/001.png", "b/001.png")}
    assert counted["b/001.png"] == counted["a/001.png"] + 1
    shutil.copytree(data, tmp_path / "copy")
    shutil.make_archive(str(tmp_path / "packed"), "zip", data)
    for moved in (tmp_path / "copy", tmp_path / "packed.zip"):
        opened = open_data(moved, batch_kind="labelled", holdout=0)
        assert resume(tmp_path / "run", data=opened, progress=Silent()).steps_done == 2


def test_a_run_of_an_earlier_version_has_no_hash_of_the_contents_and_resumes(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    train(tmp_path / "run", data, steps=2)
    stored = json.loads((tmp_path / "run/run.json").read_text())
    del stored["data"]["content"], stored["train"]["on_bad_file"]
    (tmp_path / "run/run.json").write_text(json.dumps(stored))
    (tmp_path / "run/data-files.jsonl").unlink()
    write_image(data / "a/003.png", 3, colour=9)
    assert resume(tmp_path / "run", progress=Silent()).steps_done == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_skipped_logged_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int) -> None:
    data = write_images(tmp_path / "data", 100)
    (data / "a/042.png").write_bytes(b"")
    options: dict[str, Any] = {"steps": 110, "checkpoint_every": 60}
    train(tmp_path / "run", data, workers=workers, progress=Lines(), **options)
    output = capsys.readouterr().out
    assert output.count('note: Skipped: Image "a/042.png" is empty (0 bytes). Another image takes its place (1 of 200 images') == 1
    assert 'note: 1 file could not be read and was skipped: "a/042.png". See ' in output
    [event] = [each for each in read_losses(tmp_path / "run") if each.get("event") == "skipped file"]
    assert event["file"] == "a/042.png"
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", data, **{**options, **stop_after(105)})
    resume(tmp_path / "parts", progress=Silent(), loggers=())
    assert_same_state(tmp_path / "run", tmp_path / "parts")
    assert read_losses(tmp_path / "run") == read_losses(tmp_path / "parts")


def test_after_a_stop_the_repaired_file_is_accepted_and_no_other(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    (data / "b/002.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r'Image "b/002.png" has an unknown format\..* saved after step (\d).*do not remove') as caught:
        train(tmp_path / "run", data)
    assert str(caught.value).endswith(f"then resume: i2ikit train --resume {tmp_path / 'run'}")
    with pytest.raises(DataError, match=r'Image "b/002.png"'):
        resume(tmp_path / "run", progress=Silent())
    write_image(data / "b/002.png", 2)
    before = (data / "a/001.png").read_bytes()
    write_image(data / "a/001.png", 1, colour=9)
    with pytest.raises(ConfigChangedError, match=r'data\.content.*"a/001\.png"'):
        resume(tmp_path / "run", progress=Silent())
    (data / "a/001.png").write_bytes(before)
    assert resume(tmp_path / "run", progress=Silent()).steps_done == 6
    assert json.loads((tmp_path / "run/bad-files.jsonl").read_text().splitlines()[0])["file"] == "b/002.png"


def test_a_file_that_broke_during_the_training_may_be_restored(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data")
    good = (data / "b/002.png").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", data, steps=30, **stop_after(3))
    (data / "b/002.png").write_bytes(b"x" * len(good))
    with pytest.raises(ConfigChangedError, match=r'"b/002\.png"'):
        resume(tmp_path / "run", progress=Silent(), loggers=())
    (data / "b/002.png").write_bytes(good)
    assert resume(tmp_path / "run", progress=Silent(), loggers=()).steps_done == 30


def test_a_run_that_stopped_before_its_first_step_starts_again_or_resumes(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data", 2)
    for name in ("a/000.png", "a/001.png", "b/000.png"):
        (data / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"These cannot be read either: .* saved after step 0.*Repair or replace the files") as caught:
        train(tmp_path / "run", data, on_bad_file="stop")
    assert "Replace or remove it" not in str(caught.value)  # without the file, the data would be other data
    for name in ("a/000.png", "a/001.png", "b/000.png"):
        write_image(data / name, 1)
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    assert train(tmp_path / "run", data, steps=2).steps_done == 2
    assert resume(tmp_path / "other", steps=2, allow=["recipe.steps"], progress=Silent()).steps_done == 2


def test_stop_may_become_skip_on_resume(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data", 60)
    (data / "a/001.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r'"a/001\.png".*resume'):
        train(tmp_path / "run", data, steps=40, on_bad_file="stop", checkpoint_every=50)
    assert resume(tmp_path / "run", on_bad_file="skip", progress=Silent()).steps_done == 40


def test_the_reading_of_all_files_at_the_start_is_shown(tmp_path: Path) -> None:
    lines = io.StringIO()
    train(tmp_path / "run", write_images(tmp_path / "data"), steps=1, progress=Lines(lines, max_pause=0.0))
    assert "Reading all files once, to notice later changes: 1 of 12" in lines.getvalue()


def test_a_damaged_test_image_is_left_out_of_the_sample_grids(tmp_path: Path) -> None:
    data = write_images(tmp_path / "data", 8)
    for folder, index in itertools.product("ab", range(3)):
        (tmp_path / "split/test" / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(data / folder / f"{index:03}.png", tmp_path / "split/test" / folder / f"t{index}.png")
    shutil.copytree(data, tmp_path / "split/train")
    (tmp_path / "split/test/a/t1.png").write_bytes(b"")
    train(tmp_path / "run", tmp_path / "split", steps=1, sample_every=1)
    assert len(list((tmp_path / "run/samples").glob("step-*.png"))) == 2
