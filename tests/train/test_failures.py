"""What a failed training says: what is saved, how to resume, and where the traceback is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import train

from i2ikit import resume
from i2ikit.cli import main
from i2ikit.core.model import Model
from i2ikit.errors import OutOfMemoryError
from i2ikit.train.failures import TRACEBACK

MEMORY = RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes.")
TINY = ["generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2"]
TRAIN = ["train", "stargan-fast", "--data", "faces:count=24,size=16", *(part for each in TINY for part in ("--set", each))]


def fail_at_step(step: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Model.step

    def fail(self: Model, *arguments: Any, **options: Any) -> Any:
        if self.steps_done == step:
            raise error
        return original(self, *arguments, **options)

    monkeypatch.setattr(Model, "step", fail)


def test_a_training_without_enough_memory_names_what_needs_less_and_resumes_with_the_printed_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    run = tmp_path / "run"
    command = [*TRAIN, "--batch", "4", "--steps", "4", "--checkpoint-every", "2", "--no-eval", "--sample-every", "0", "--run", str(run)]
    with monkeypatch.context() as patch:
        fail_at_step(3, MEMORY, patch)
        assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(
        "error: The memory does not suffice: 4 TiB more were requested. More micro-batches (--accumulate), a smaller --"
    )
    assert "The run is saved up to step 2. To resume it: i2ikit train --resume" in error
    printed = error.strip().partition("To resume it: i2ikit ")[2].split()
    assert printed[-4:] == ["--accumulate", "2", "--allow-change", "train.accumulate"]
    assert main([*printed, "--no-eval"]) == 0


def test_a_training_whose_first_step_needs_too_much_memory_can_be_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail_at_step(0, MEMORY, patch)
        with pytest.raises(OutOfMemoryError, match=r"No step is saved\. To start again, repeat the command with --accumulate 2\.$"):
            train(tmp_path / "run", 2)
    assert train(tmp_path / "run", 1).steps_done == 1


def test_a_batch_that_cannot_be_divided_further_needs_smaller_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at_step(0, MEMORY, monkeypatch)
    with pytest.raises(OutOfMemoryError, match=r"Smaller images \(--size\) need less"):
        train(tmp_path / "run", 2, accumulate=4)


def test_the_traceback_of_an_error_that_was_not_foreseen_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("i2ikit.cpu.tune_cpu", lambda: "not in tests")
    fail_at_step(1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"), monkeypatch)
    assert main([*TRAIN, "--steps", "2", "--batch", "4", "--run", str(tmp_path / "run")]) == 1
    text = (tmp_path / "run" / TRACEBACK).read_text()
    assert text.startswith("Traceback")
    assert text.endswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied\n")
    error = capsys.readouterr().err
    assert error.startswith("error: RuntimeError: mat1 and mat2 shapes cannot be multiplied, in ")
    assert error.endswith(f'This error was not foreseen. The traceback is in "{tmp_path / "run" / TRACEBACK}".\n')


def test_a_failed_training_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail_at_step(3, RuntimeError("no"), patch)
        with pytest.raises(RuntimeError, match="no"):
            train(tmp_path / "run", 4, checkpoint_every=1)
    assert resume(tmp_path / "run").steps_done == 4
    assert not (tmp_path / "run" / TRACEBACK).exists()
    expected, found = train(tmp_path / "whole", 4), resume(tmp_path / "run")
    assert all(torch.equal(a, b) for a, b in zip(expected.parameters(), found.parameters(), strict=True))
