"""Names of files and folders: those that a system makes for itself, the one that a user may have meant, and one that is free."""

from __future__ import annotations

import os
from itertools import chain, count
from pathlib import Path

from i2ikit.errors import suggest

# Folders of file servers (Synology, QNAP), of Windows, of macOS, of Linux, and of programs. Names that begin with a dot are hidden anyway.
_FOLDERS = frozenset({
    "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler", "recycled", "found.000",
    "system volume information", "__macosx", "network trash folder", "temporary items", "theVolumeSettingsFolder".lower(), "lost+found",
    "__pycache__", "cvs",
})  # fmt: skip
_FILES = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "desktop db", "desktop df", "ntuser.dat"})


def is_system_name(name: str) -> bool:
    """Return whether a path with forward slashes is hidden, or has a part that belongs to a system: ``.git``, ``@eaDir``, ``Thumbs.db``."""
    parts = name.lower().split("/")  # Pathlib is too slow for the hundred thousands of names of a large data set.
    return any(part.startswith(".") or part in _FOLDERS for part in parts) or parts[-1] in _FILES


def suggest_path(path: Path) -> str:
    """Return what is near a path that does not exist: similar names in its folder, or why that folder has none."""
    folder = path.parent
    if os.path.lexists(path):
        return "It is a link to nothing." if path.is_symlink() else "It is neither a file nor a folder."
    try:
        near = sorted(each.name for each in os.scandir(folder))
    except NotADirectoryError:
        return f'"{folder}" is a file.'
    except FileNotFoundError:
        return f'Folder "{folder}" does not exist.'
    except OSError as cause:
        return f'Folder "{folder}" cannot be opened: {cause.strerror}.'
    return suggest(path.name, near) if near else f'Folder "{folder}" is empty.'


def choose_free_path(stem: str | Path, suffix: str = "") -> Path:
    """Return the path ``stem`` with a suffix, or with a number before the suffix if it exists: ``photo-2.png``."""
    names = chain([f"{stem}{suffix}"], (f"{stem}-{number}{suffix}" for number in count(2)))
    return next(path for path in map(Path, names) if not path_exists(path))


def path_exists(path: Path) -> bool:
    """Return whether a path exists; not if a folder above it cannot be opened."""
    try:
        return path.exists()
    except OSError:
        return False
