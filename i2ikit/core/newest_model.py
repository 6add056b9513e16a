"""Reading of a model beside a training, which removes old checkpoints and replaces its best model."""

from __future__ import annotations

import time
from collections.abc import Callable
from glob import escape
from pathlib import Path
from typing import TypeVar

from i2ikit.core.storage import find_model_folder
from i2ikit.errors import CheckpointError

T = TypeVar("T")

_TRIES = 10
_PAUSE = 0.05  # seconds


def read_newest_model(path: Path, read: Callable[[Path], T]) -> T:
    """Find the model folder of a path, and read it; if it was removed or replaced meanwhile, find and read the newest one.

    Args:
        path: A path as for :func:`i2ikit.core.storage.find_model_folder`.
        read: Reads a model folder.

    Raises:
        CheckpointError: There is no model, or ``read`` raises it for a folder that has not changed.
    """
    for _ in range(_TRIES):
        try:
            folder = find_model_folder(path)
        except CheckpointError:
            if not _is_being_replaced(path):
                raise
        else:
            before = _identify(folder)
            try:
                return read(folder)
            except CheckpointError:
                if _identify(folder) == before:
                    raise
        time.sleep(_PAUSE)
    return read(find_model_folder(path))


def _identify(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one of the same name, or None if there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _is_being_replaced(path: Path) -> bool:
    """Return whether a folder has just been moved away, to be replaced by a new one."""
    return any(path.parent.glob(f".{escape(path.name)}.*.old"))
