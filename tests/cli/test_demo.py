"""``i2ikit demo``: what it says at once, and that it goes on where it was stopped."""

from __future__ import annotations

import json

import pytest

from i2ikit.cli import demo
from i2ikit.train import TrainingInterrupted


def test_it_says_what_it_will_do_before_anything_slow(i2i, monkeypatch, tmp_path) -> None:
    run = tmp_path / "run"

    def stop(*_: object) -> None:
        raise TrainingInterrupted(run, 7)

    monkeypatch.setattr(demo, "_train", stop)
    said = i2i("demo", "--run", run, "--minutes", 6)
    assert (said.code, said.err) == (130, "")
    assert said.out == (
        "StarGAN learns to change the hair colour and the glasses of drawn faces.\n"
        "  train    about 6 minutes on two cores: one generator for all changes, 48x48 pixels\n"
        "  measure  about half a minute: held-out faces against the true drawing of each change\n"
        f"  page     a few seconds: {run / 'index.html'}\n"
        f"Ctrl-C saves, and the same command goes on: i2ikit demo --run {run}\n"
        f"Stopped after step 7; everything is saved. The same command goes on: i2ikit demo --run {run}\n"
    )


def test_a_size_that_does_not_fit_is_one_line(i2i, tmp_path) -> None:
    assert i2i("demo", "--run", tmp_path / "run", "--size", 50) == (2, "", "error: --size 50 is no multiple of 4. Take 48.\n")


def test_a_folder_of_something_else_is_left_alone(i2i, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = i2i("demo", "--run", tmp_path)
    assert said.code == 2
    assert said.err == f'error: "{tmp_path}" is a folder that holds something else than a run. Choose another one, or an empty one.\n'
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_it_goes_on_after_a_stop_ends_with_a_page_and_then_only_writes_the_page(i2i, monkeypatch, tmp_path) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(demo, "COUNT", 60)
    words = ("demo", "--run", run, "--minutes", 0.02, "--size", 16)
    run.mkdir()
    (run / "run.json").write_text("{}")  # ended before the first checkpoint
    real = demo._measure
    monkeypatch.setattr(demo, "_measure", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert i2i(*words).code == 130
    assert (run / "final" / "weights.safetensors").is_file()
    trained = (run / "log.jsonl").read_text()

    monkeypatch.setattr(demo, "_measure", real)
    said = i2i(*words)
    assert said.code == 0
    assert "  train    done" in said.out
    assert "hair colour  PSNR" in said.out
    assert (run / "log.jsonl").read_text() == trained
    assert {"psnr/hair", "psnr_copy/hair"} <= {each["name"] for each in json.loads((run / "numbers.json").read_text())["numbers"]}

    (run / "index.html").unlink()
    said = i2i(*words)
    assert said.code == 0
    assert said.out.startswith(f'The demo in "{run}" is complete: only its page is written again.')
    assert "ours" in (run / "index.html").read_text()
