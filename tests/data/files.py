"""Data sets of files."""

from __future__ import annotations

from pathlib import Path

from i2ikit.data import FileDataset, open_data


def open_files(path: Path, **options: object) -> FileDataset:
    """Open a data set of which the test reads what only files have, such as their source."""
    data = open_data(path, **options)  # type: ignore[arg-type]
    assert isinstance(data, FileDataset)
    return data
