"""The files that a command wrote."""

from __future__ import annotations

from pathlib import Path


def list_written(folder: Path) -> list[str]:
    """Return the paths of all files in a folder, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) if folder.exists() else []
