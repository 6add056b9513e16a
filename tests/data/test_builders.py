from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BUILDERS = Path(__file__).parents[2] / "benchmarks" / "data"
Shared = Callable[[str], Path]


def run(name: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(BUILDERS / name), *map(str, paths)], capture_output=True, text=True, check=False)


def content(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def link(files: dict[str, Path], root: Path) -> Path:
    for name, file in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(file)
    return root


def test_the_people_are_built_with_the_same_table_and_bytes(shared: Shared, tmp_path: Path) -> None:
    real = shared("emoji_people")
    checkout = link({f"png/128/{file.name}": file for file in (real / "images").iterdir()}, tmp_path / "noto")
    result = run("emoji_people.py", checkout, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "is no git checkout" in result.stderr
    assert content(tmp_path / "out") == content(real)


def test_the_styles_are_built_with_the_same_bytes(shared: Shared, tmp_path: Path) -> None:
    real = shared("emoji_styles")
    checkouts = [
        link({f"png/128/{file.name}": file for file in real.glob(f"*/{style}/*.png")}, tmp_path / style) for style in ("noto", "blob")
    ]
    assert run("emoji_styles.py", *checkouts, tmp_path / "out").returncode == 0
    assert content(tmp_path / "out") == content(real)


def test_the_signs_are_built_with_the_same_split(shared: Shared, tmp_path: Path) -> None:
    real = shared("sign_digits")
    checkout = link({f"Dataset/{file.parent.name}/{file.name}": file for file in real.glob("*/*/*")}, tmp_path / "signs")
    assert run("sign_digits.py", checkout, tmp_path / "out").returncode == 0
    assert content(tmp_path / "out") == content(real)
    next((checkout / "Dataset" / "3").iterdir()).unlink()
    incomplete = run("sign_digits.py", checkout, tmp_path / "other")
    assert incomplete.returncode == 2
    assert not (tmp_path / "other").exists()


def test_a_checkout_at_another_commit_is_warned_about_and_missing_files_stop(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(tmp_path / "noto")]
    (tmp_path / "noto").mkdir()
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    result = run("emoji_people.py", tmp_path / "noto", tmp_path / "out")
    assert result.returncode == 2
    assert "the numbers were made at b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8" in result.stderr
    assert "1728 of 1728 files are not in the checkout" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["emoji_people.py", "emoji_styles.py", "sign_digits.py"])
def test_a_builder_without_paths_says_how_it_is_called(name: str) -> None:
    result = run(name)
    assert result.returncode == 2
    assert result.stderr.startswith(f"usage: python benchmarks/data/{name} ")


def test_a_missing_checkout_names_the_commands_that_make_it(tmp_path: Path) -> None:
    result = run("sign_digits.py", tmp_path / "none", tmp_path / "out")
    assert result.returncode == 2
    assert "git clone https://github.com/ardamavi/Sign-Language-Digits-Dataset" in result.stderr
