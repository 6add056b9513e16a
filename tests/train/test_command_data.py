"""What ``i2ikit train`` takes from the data: the size and the labels, unless the recipe file or the command line says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from i2ikit.cli import main

DATA = "faces:count=24,size=16"
SAMPLED = """
plan = "sampled"
plan_options = { style = 4 }
[slots.generator]
component = "cogan_generator"
options = { width = 4 }
[slots.discriminator]
component = "patch_discriminator"
options = { width = 4, depth = 1 }
[players.generator]
trains = ["generator"]
terms = { adversarial = "logistic_generator_loss" }
[players.discriminator]
trains = ["discriminator"]
terms = { adversarial = "logistic_discriminator_loss" }
"""


@pytest.mark.parametrize(
    ("arguments", "size"), [([], "24, 32"), (["--size", "16"], "16, 16"), (["--set", "size=20"], "20, 20")], ids=["file", "--size", "--set"]
)
def test_the_size_in_a_recipe_file_counts_unless_the_command_line_has_one(
    arguments: list[str], size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "first.toml").write_text('extends = "stargan-fast"\nsize = [24, 32]\ngenerator = { width = 4 }\n')
    (tmp_path / "my.toml").write_text('extends = "first.toml"\ndiscriminator = { width = 4, depth = 2 }\n')
    assert main(["train", str(tmp_path / "my.toml"), "--data", DATA, "--dry-run", *arguments]) == 0
    assert f"images   [3, {size}]" in capsys.readouterr().out


def test_the_size_is_that_of_the_data_if_a_recipe_file_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gan.toml").write_text(SAMPLED)
    assert main(["train", str(tmp_path / "gan.toml"), "--data", DATA, "--dry-run"]) == 0
    assert "images   [3, 16, 16]" in capsys.readouterr().out


def test_the_labels_in_a_recipe_file_select_the_attributes_of_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = "generator = { width = 4 }\ndiscriminator = { width = 4, depth = 2 }\n"
    (tmp_path / "my.toml").write_text(f'extends = "stargan-fast"\n{networks}[labels]\nhair = ["red", "blond"]\n')
    command = ["train", str(tmp_path / "my.toml"), "--data", DATA, "--dry-run"]
    assert main(command) == 0
    assert "labels   looks: hair (black brown blond red)\n" in capsys.readouterr().out
    assert main([*command, "--labels", "glasses"]) == 0
    assert "labels   looks: glasses (yes no)\n" in capsys.readouterr().out


def test_optional_labels_are_used_only_if_they_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gan.toml").write_text(SAMPLED)
    command = ["train", str(tmp_path / "gan.toml"), "--data", DATA, "--dry-run"]
    assert main(command) == 0
    assert "\nlabels " not in capsys.readouterr().out
    assert main([*command, "--labels", "hair"]) == 2
    assert "The label has no influence on the fake in generator=cogan_generator" in capsys.readouterr().err
