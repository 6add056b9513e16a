"""One process trains in a run folder at a time. It holds a lock of the operating system, which ends with the process, however it ends."""

from __future__ import annotations

import os
import platform
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from i2ikit.core import storage
from i2ikit.core.json_files import read_object
from i2ikit.errors import CheckpointError, RunInUseError
from i2ikit.temporary import remove_leftovers
from i2ikit.train.configuration import FILE, get_command
from i2ikit.train.launch_environment import is_main_process

LOCK, HOLDER = ".lock", ".lock.json"
"""The file that is locked, which stays, and the description of the process that holds the lock: it is in another file, because a process
that asks for the lock may empty the first one."""

_held: dict[Path, int] = {}  # folder -> the thread of this process that holds its lock


@contextmanager
def hold_run(run: Path) -> Iterator[None]:
    """Hold the lock of a run folder, which is made if it does not exist. An empty one that was made is removed at the end.

    Only the main process of a training takes the lock. A stage belongs to its whole run. A thread that has the lock may take it again.

    Raises:
        RunInUseError: Another process holds the lock, or another thread of this process.
        CheckpointError: The folder cannot be written.
    """
    folder = storage.find_whole_run(run).absolute()
    holder = _held.get(folder, _held.get(folder.parent.parent))  # the first stage begins before its run has a list of stages
    if not is_main_process() or holder == threading.get_ident():
        yield
        return
    if holder is not None:
        raise RunInUseError(f'"{run}" is in use: another thread of this program trains there. Choose another run folder.')
    is_new = not (folder / LOCK).exists()
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with _lock(folder, run):
            _held[folder] = threading.get_ident()
            try:
                for path, _, _ in list(os.walk(folder)):
                    remove_leftovers(Path(path))
                yield
            finally:
                del _held[folder]
                _remove_files(folder, is_new)
    finally:
        for each in made:
            with suppress(OSError):  # it is not empty
                each.rmdir()


def refuse_used_run(run: Path) -> None:
    """Raise RunInUseError if another process trains in a folder. It takes no lock, and the folder need not exist."""
    if (run / LOCK).is_file():
        with hold_run(run):
            pass


@contextmanager
def _lock(folder: Path, run: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()
        lock = FileLock(folder / LOCK, timeout=0, mode=(folder / LOCK).stat().st_mode & 0o777)  # as the umask wants it
        lock.acquire()
    except Timeout:
        raise RunInUseError(_describe_holder(folder, run)) from None
    except NotImplementedError:
        warnings.warn(f'The file system of "{run}" has no locks. Do not train there twice at a time.', stacklevel=5)
        yield
        return
    except OSError as error:
        where = error.filename or run
        raise CheckpointError(f'"{where}" cannot be written: {error.strerror or error}. Choose another run folder.') from error
    try:
        description = {"process": os.getpid(), "machine": platform.node(), "since": time.time(), "command": get_command()}
        with suppress(OSError):  # a full disk: the lock holds without it
            storage.write_json(folder / HOLDER, description)
        yield
    finally:
        lock.release()


def _remove_files(folder: Path, is_new: bool) -> None:
    """Remove the description of the holder, and a new lock if the run has not begun."""
    with suppress(OSError):
        (folder / HOLDER).unlink(missing_ok=True)
        if is_new and not any((folder / name).exists() for name in (FILE, storage.STAGES)):
            (folder / LOCK).unlink()


def _describe_holder(folder: Path, run: Path) -> str:
    try:
        found = read_object(folder / HOLDER)
        process, machine = int(found["process"]), str(found["machine"])
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(float(found["since"])))
    except (CheckpointError, OSError, ValueError, KeyError, TypeError, OverflowError):  # it has just begun
        return f'"{run}" is in use: another process trains there. Wait until it has ended, or choose another run folder.'
    stop = f"stop it (kill {process})" if machine == platform.node() else f'stop it on "{machine}"'
    return (
        f'"{run}" is in use: process {process} on "{machine}" trains there since {since}. Wait until it has ended, {stop}, '
        f"or choose another run folder."
    )
