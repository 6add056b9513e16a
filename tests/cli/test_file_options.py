"""``--range`` and ``--max-pixels``: the same in every command that reads image files, and named as on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from i2ikit.train import configuration


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Make two domains of four 12-bit images of 16 pixels."""
    for number in range(4):
        for folder in ("a", "b"):
            (tmp_path / "scans" / folder).mkdir(parents=True, exist_ok=True)
            np.save(
                tmp_path / "scans" / folder / f"{number}.npy", np.random.default_rng(number).integers(0, 4096, (16, 16), dtype=np.int16)
            )
    return tmp_path / "scans"


def test_data_check_takes_a_range_that_is_missing_from_the_values_and_prints_a_command_with_it(run_cli, scans) -> None:
    result = run_cli("data", "check", scans)
    assert result.code == 0
    assert "--range 0,4095 declares it; choose another one if it is wrong." in result.out
    assert "--range 0,4095" in result.out.rpartition("train with:")[2]
    result = run_cli("data", "check", scans, "--range", "0,4095")
    assert result.code == 0
    assert "declares it" not in result.out


def test_the_limit_is_an_option_of_data_check_and_part_of_its_command(run_cli, scans) -> None:
    np.save(scans / "a" / "large.npy", np.zeros((16, 17), dtype=np.int16))
    result = run_cli("data", "check", scans, "--range", "0,4095", "--max-pixels", "256")
    assert result.code == 2
    assert "declares 16 x 17 pixels (height x width), above the limit of 256." in result.out
    assert "raise the limit: --max-pixels 272." in result.out
    result = run_cli("data", "check", scans, "--range", "0,4095", "--max-pixels", "272")
    assert result.code == 0
    assert "--max-pixels 272" in result.out.rpartition("train with:")[2]


@pytest.mark.parametrize("command", ["train", "check"])
@pytest.mark.parametrize("value", ["5", "5,1", "a,b", "0,nan"])
def test_a_range_that_is_none_is_refused(run_cli, tmp_path, command, value) -> None:
    words = ("data", "check", tmp_path) if command == "check" else ("train", "pix2pix", "--data", tmp_path, "--run", tmp_path / "run")
    result = run_cli(*words, "--range", value)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f'--range "{value}" is not a range of values.' in result.err


def test_a_training_stores_range_and_limit_and_its_translations_have_the_type_of_the_input(run_cli, scans, tmp_path) -> None:
    small = (
        "--set",
        "generator.width=4",
        "--set",
        "generator.blocks=1",
        "--set",
        "discriminator.width=4",
        "--set",
        "discriminator.depth=1",
        "--no-eval",
    )
    options = ("--range", "0,4095", "--max-pixels", "300", "--size", "16", "--batch", "2", "--steps", "2", *small)
    result = run_cli("train", "cyclegan-fast", "--data", scans, "--run", tmp_path / "run", *options)
    assert result.code == 0, result.err
    stored = configuration.read(tmp_path / "run")
    assert stored["preprocessing"]["range"] == [0, 4095]
    assert stored["preprocessing"]["max_pixels"] == 300
    assert {name: stored["data"]["options"][name] for name in ("range", "max_pixels")} == {"range": [0, 4095], "max_pixels": 300}
    result = run_cli("translate", tmp_path / "run", scans / "a" / "0.npy", tmp_path / "out.npy", "--to", "b")
    assert result.code == 0, result.err
    fake = np.load(tmp_path / "out.npy")
    assert fake.dtype == np.int16
    assert 0 <= fake.min() < fake.max() <= 4095
    assert fake.max() > 255
    result = run_cli("train", "--resume", tmp_path / "run", "--range", "0,1")
    assert result.code == 2
    assert "--resume does not accept --range" in result.err
    result = run_cli("train", "--resume", tmp_path / "run", "--steps", "3", "--allow-change", "recipe.steps", "--no-eval")
    assert result.code == 0, result.err


def test_translate_refuses_an_image_above_the_limit_and_takes_it_with_the_option(run_cli, model, photos, tmp_path, monkeypatch) -> None:
    from i2ikit.pixels import pictures

    monkeypatch.setattr(pictures, "MAX_PIXELS", 399)  # the default; b.png has 400 pixels
    words = ("translate", model, photos / "b.png", tmp_path / "out.png", "--to", "tone=dark")
    result = run_cli(*words)
    assert result.code == 2
    assert "declares 20 x 20 pixels (height x width), above the limit of 399." in result.err
    assert "raise the limit: --max-pixels 400." in result.err
    assert run_cli(*words, "--max-pixels", "400").code == 0
