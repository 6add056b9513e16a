"""The report page of a run: one HTML file without scripts and links to other files, readable without a network."""

from __future__ import annotations

from pathlib import Path

from i2ikit.core.visible_text import make_visible
from i2ikit.pixels import write_atomically
from i2ikit.train.page.pictures import read_pictures
from i2ikit.train.page.run_summary import read_run_summary
from i2ikit.train.page.sections import render_page

__all__ = ["write_page"]

FILE = "index.html"


def write_page(run: str | Path) -> Path:
    """Write the report page RUN/index.html from the files of a run, and return its path.

    Raises:
        CheckpointError: The folder holds no run, or one of its files is damaged.
        DataError: The page cannot be written.
    """
    summary = read_run_summary(run)
    path = summary.folder / FILE
    html = make_visible(render_page(summary, read_pictures(summary)))  # names of files may hold bytes that are no text
    write_atomically(path, html.encode())
    return path
