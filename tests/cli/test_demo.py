"""``i2ikit demo``: its first messages, and that it resumes where it was stopped."""

from __future__ import annotations

import json

import pytest

from i2ikit.cli import demo
from i2ikit.train import TrainingInterrupted


def test_the_steps_are_printed_before_the_training(run_cli, monkeypatch, tmp_path) -> None:
    run = tmp_path / "run"

    def stop(*_: object) -> None:
        raise TrainingInterrupted(run, 7)

    monkeypatch.setattr(demo, "_train", stop)
    result = run_cli("demo", "--run", run, "--minutes", 6)
    assert (result.code, result.err) == (130, "")
    *steps, last = result.out.splitlines()
    for word in ("StarGAN", "about 6 minutes", "48x48 pixels", "evaluate", str(run / "index.html"), f"i2ikit demo --run {run}"):
        assert any(word in line for line in steps)
    assert last.startswith("Stopped after step 7.")
    assert last.endswith(f"i2ikit demo --run {run}")


def test_a_size_that_is_no_multiple_of_4_is_refused(run_cli, tmp_path) -> None:
    result = run_cli("demo", "--run", tmp_path / "run", "--size", 50)
    assert (result.code, result.out) == (2, "")
    for word in ("--size is 50", "multiple of 4", "Use 48."):
        assert word in result.err


def test_a_folder_with_other_files_is_refused(run_cli, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    result = run_cli("demo", "--run", tmp_path)
    assert result.code == 2
    assert result.err.startswith(f'error: "{tmp_path}" ')
    assert result.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_a_stopped_demo_resumes_and_a_complete_demo_only_writes_its_page(run_cli, monkeypatch, tmp_path) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(demo, "COUNT", 60)
    words = ("demo", "--run", run, "--minutes", 0.02, "--size", 16)
    run.mkdir()
    (run / "run.json").write_text("{}")  # the run ended before its first checkpoint
    measure = demo._measure
    monkeypatch.setattr(demo, "_measure", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert run_cli(*words).code == 130
    assert (run / "final" / "weights.safetensors").is_file()
    trained = (run / "log.jsonl").read_text()

    monkeypatch.setattr(demo, "_measure", measure)
    result = run_cli(*words)
    assert result.code == 0
    assert "  train     done" in result.out
    assert "hair colour  PSNR" in result.out
    assert (run / "log.jsonl").read_text() == trained
    assert {"psnr/hair", "psnr_copy/hair"} <= {each["name"] for each in json.loads((run / "numbers.json").read_text())["numbers"]}

    (run / "index.html").unlink()
    result = run_cli(*words)
    assert result.code == 0
    assert result.out.startswith(f'The demo in "{run}" is complete.')
    assert "psnr" in (run / "index.html").read_text().lower()
