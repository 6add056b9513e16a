"""Processes and precision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import toy_training
from toy_training import make_model, read_state, train

from i2ikit.core.step import step_if_finite
from i2ikit.errors import OptionError, UnknownNameError
from i2ikit.train.engine import LossScale, PlainEngine
from i2ikit.train.launch import launch
from i2ikit.train.options import FitOptions

PROGRAM = Path(toy_training.__file__)


def run_python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=300, check=False)


def test_one_process_in_float32_on_the_cpu_needs_no_fabric() -> None:
    assert type(launch(FitOptions(accelerator="cpu"))) is PlainEngine


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r'No precision is called "bf16"\. Did you mean "bf16-mixed"'):
        launch(FitOptions(precision="bf16"))


def test_float16_on_the_cpu_is_refused() -> None:
    with pytest.raises(OptionError, match='"16-mixed" requires an accelerator'):
        launch(FitOptions(precision="16-mixed", accelerator="cpu"))


def test_a_device_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(OptionError, match='accelerator="cuda" with devices=1 is not available'):
        launch(FitOptions(accelerator="cuda"))


def test_bfloat16_trains_with_weights_in_float32(tmp_path: Path) -> None:
    dtypes: list[torch.dtype] = []
    model = make_model()
    conv = next(each for each in model.slot("generator").modules() if isinstance(each, torch.nn.Conv2d))
    conv.register_forward_hook(lambda net, inputs, output: dtypes.append(output.dtype))
    done = train(tmp_path / "run", 2, model=model, precision="bf16-mixed", accelerator="cpu")
    assert torch.bfloat16 in dtypes
    assert {each.dtype for each in done.parameters()} == {torch.float32}
    assert all(torch.isfinite(each).all() for each in done.parameters())


def test_the_loss_scale_halves_on_overflow_and_doubles_after_patience() -> None:
    scale = LossScale(torch.device("cpu"), start=8.0, patience=2)
    factors = []
    for finite in (True, True, False, True, True):
        scale.update(torch.tensor(finite))
        factors.append(float(scale.factor))
    assert factors == [8.0, 16.0, 8.0, 8.0, 16.0]


def test_a_gradient_that_overflows_changes_no_weight() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.tensor([1.0, float("inf"), 1.0])
    optimizer = torch.optim.Adam([weight], lr=0.1, fused=True)
    assert not step_if_finite(optimizer, [weight], torch.tensor(True))
    assert torch.equal(weight, torch.ones(3))


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    for processes in ("one", "two"):
        done = run_python(PROGRAM, processes, tmp_path / processes)
        assert done.returncode == 0, done.stderr
    (one, _), (two, _) = read_state(tmp_path / "one"), read_state(tmp_path / "two")
    for name in one:
        if name.startswith("model/"):
            torch.testing.assert_close(one[name], two[name], rtol=0, atol=1e-6)
    first, second = toy_training.read_losses(tmp_path / "one"), toy_training.read_losses(tmp_path / "two")
    assert [line["step"] for line in second] == [1, 2, 3, 4]
    for a, b in zip(first, second, strict=True):
        assert b == pytest.approx(a, abs=1e-5)


@pytest.mark.slow
def test_two_processes_stop_together_at_sigterm_and_resume_together(tmp_path: Path) -> None:
    run = tmp_path / "run"
    tiny = ["generator.width=4", "generator.blocks=1", "discriminator.width=4", "discriminator.depth=2"]
    settings = [part for each in tiny for part in ("--set", each)]
    command = [sys.executable, "-m", "i2ikit", "train", "stargan-fast", "--data", "faces:count=24,size=16", "--run", str(run), *settings]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    options = ["--steps", "100000", "--batch", "4", "--devices", "2", "--accelerator", "cpu", "--log-every", "2", "--sample-every", "0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + 200
    while not ((run / "log.jsonl").exists() and (run / "log.jsonl").read_text().count("\n") > 1):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.terminate()  # only the main process receives the signal; the other one must stop too
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert f"i2ikit train --resume {run}" in out
    assert "Traceback" not in errors
    done = read_state(run)[1]["step"]
    more = run_python("-m", "i2ikit", "train", "--resume", run, "--steps", str(done + 2), "--allow-change", "recipe.steps", "--no-eval")
    assert more.returncode == 0, more.stderr
    assert json.loads((run / "final/config.json").read_text())["step"] == done + 2
