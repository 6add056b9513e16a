"""The page of a run: one HTML file that needs nothing else, neither scripts nor files nor a network."""

from __future__ import annotations

from pathlib import Path

from i2ikit.pixels import write_atomically
from i2ikit.train.page.pictures import read_pictures
from i2ikit.train.page.record import read_record
from i2ikit.train.page.sections import document

__all__ = ["write_page"]

FILE = "index.html"


def write_page(run: str | Path) -> Path:
    """Write RUN/index.html from what the run's folder holds, whole or not at all, and return its path.

    Raises:
        CheckpointError: The folder is no run, or one of its files is damaged.
        DataError: The page cannot be written.
    """
    record = read_record(run)
    path = record.folder / FILE
    write_atomically(path, document(record, read_pictures(record)).encode())
    return path
