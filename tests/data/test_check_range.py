"""A check of files whose values need a declared range finds the range of all files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from i2ikit.data import check, open_data
from i2ikit.errors import DataError


def write_arrays(folder: Path, least: float, most: float, dtype: str, count: int = 6) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        values = np.linspace(least, most, 32 * 32).reshape(32, 32) * (index + 1) / count
        np.save(folder / f"{index}.npy", values.astype(dtype))


@pytest.mark.parametrize(
    ("sources", "targets", "dtype", "declared"),
    [
        ((-1000, 3000), (-500, 3500), "int16", "-1000,3500"),  # neither the first file nor the sources alone have this range
        ((0, 90), (0, 120), "int8", "0,120"),  # int8 does not hold 0 to 255
        ((0, 30000), (0, 20000), "int16", "0,30000"),
        ((0, 200.5), (0, 90.5), "float32", "0,255"),
        ((-0.9, 0.9), (-0.5, 0.5), "float32", "-1,1"),
    ],
)
def test_the_command_declares_the_range_of_all_files(
    sources: tuple[float, float], targets: tuple[float, float], dtype: str, declared: str, tmp_path: Path
) -> None:
    write_arrays(tmp_path / "a", *sources, dtype)
    write_arrays(tmp_path / "b", *targets, dtype)
    report = check(tmp_path)
    assert report.ok
    assert f" --range {declared} " in report.command
    assert any(f'range="{declared}"' in note for note in report.notes)
    open_data(tmp_path, range=declared)


def test_a_range_that_some_files_exceed_is_told_once_for_all(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", 0, 1000, "int16")
    write_arrays(tmp_path / "b", 0, 300, "int16")
    report = check(tmp_path, range="0,700")
    assert [name for name, _ in report.unreadable] == ["a/4.npy", "a/5.npy"]
    assert 'range="0,4095" would read the values of all files.' in report.notes


def test_a_range_that_all_files_exceed_is_an_error_that_names_the_range_of_all_that_were_looked_at(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", -1000, 5000, "int16")
    with pytest.raises(DataError, match=r'^Image "a/0\.npy" holds int16 .* Declare their range: range="-1000,5000"\.$'):
        open_data(tmp_path, range="-10,100")
