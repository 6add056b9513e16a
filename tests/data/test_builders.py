from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BUILDERS = Path(__file__).parents[2] / "benchmarks" / "data"
RealData = Callable[[str], Path]


def run(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(BUILDERS / name), *map(str, paths)], capture_output=True, text=True, check=False)


def read_files(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def make_links(files: dict[str, Path], root: Path) -> Path:
    for name, file in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(file)
    return root


def test_the_people_are_built_with_the_same_files(real_data: RealData, tmp_path: Path) -> None:
    real = real_data("emoji_people")
    checkout = make_links({f"png/128/{file.name}": file for file in (real / "images").iterdir()}, tmp_path / "noto")
    result = run("emoji_people.py", checkout, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("warning: ")
    assert "git checkout" in result.stderr
    assert read_files(tmp_path / "out") == read_files(real)


def test_the_styles_are_built_with_the_same_files(real_data: RealData, tmp_path: Path) -> None:
    real = real_data("emoji_styles")
    checkouts = [
        make_links({f"png/128/{file.name}": file for file in real.glob(f"*/{style}/*.png")}, tmp_path / style) for style in ("noto", "blob")
    ]
    assert run("emoji_styles.py", *checkouts, tmp_path / "out").returncode == 0
    assert read_files(tmp_path / "out") == read_files(real)


def test_the_signs_are_built_with_the_same_files(real_data: RealData, tmp_path: Path) -> None:
    real = real_data("sign_digits")
    checkout = make_links({f"Dataset/{file.parent.name}/{file.name}": file for file in real.glob("*/*/*")}, tmp_path / "signs")
    assert run("sign_digits.py", checkout, tmp_path / "out").returncode == 0
    assert read_files(tmp_path / "out") == read_files(real)
    next((checkout / "Dataset" / "3").iterdir()).unlink()
    incomplete = run("sign_digits.py", checkout, tmp_path / "other")
    assert incomplete.returncode == 2
    assert not (tmp_path / "other").exists()


def test_another_commit_is_a_warning_and_missing_files_are_an_error(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(tmp_path / "noto")]
    (tmp_path / "noto").mkdir()
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    result = run("emoji_people.py", tmp_path / "noto", tmp_path / "out")
    assert result.returncode == 2
    assert "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8" in result.stderr
    assert "1728 of 1728 files" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["emoji_people.py", "emoji_styles.py", "sign_digits.py"])
def test_a_builder_without_paths_prints_its_usage(name: str) -> None:
    result = run(name)
    assert result.returncode == 2
    assert result.stderr.startswith(f"usage: python benchmarks/data/{name} ")


def test_a_missing_checkout_names_the_commands_to_get_it(tmp_path: Path) -> None:
    result = run("sign_digits.py", tmp_path / "none", tmp_path / "out")
    assert result.returncode == 2
    assert "git clone https://github.com/ardamavi/Sign-Language-Digits-Dataset" in result.stderr
