"""What follows when a training fails: the error says what is saved and how to resume, and the other processes are ended."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from i2ikit.core import storage
from i2ikit.errors import I2IKitError, OutOfMemoryError, PeerError
from i2ikit.out_of_memory import describe_out_of_memory, is_out_of_memory
from i2ikit.train.configuration import FILE, quote_path
from i2ikit.train.peers import PEERS

if TYPE_CHECKING:
    from i2ikit.train.trainer import Trainer

TRACEBACK = "traceback.txt"


@contextmanager
def tell_once(count: int) -> Iterator[None]:
    """Mark the errors of work that is the same in all processes: only the main process prints them.

    Args:
        count: The number of processes.
    """
    try:
        yield
    except I2IKitError as error:
        error.is_shared = count > 1
        raise


@contextmanager
def explain_failures(trainer: Trainer) -> Iterator[None]:
    """Add to an error of a training what is saved and how to resume. The traceback of an unexpected one goes to ``RUN/traceback.txt``.

    Raises:
        OutOfMemoryError: The memory does not suffice, in place of the error of torch or numpy.
    """
    if trainer.engine.is_main_process:
        with suppress(OSError):
            (trainer.folder / TRACEBACK).unlink(missing_ok=True)
    try:
        yield
    except I2IKitError as error:
        if error.is_shared:
            raise
        PEERS.end(grace=2.0)  # they cannot know of it, and would wait
        if isinstance(error, PeerError):
            raise PeerError(f"{error} {_describe_saved(trainer)}") from error
        raise
    except Exception as error:
        PEERS.end(grace=2.0)
        if is_out_of_memory(error):
            raise OutOfMemoryError(f"{describe_out_of_memory(error)} {_suggest_less(trainer)}") from error
        _write_traceback(trainer, error)
        raise


def _describe_saved(trainer: Trainer, more: str = "") -> str:
    """Return a sentence about the last checkpoint, with the command that resumes it."""
    run = storage.find_whole_run(trainer.folder)
    saved = storage.list_checkpoints(trainer.folder)
    step = int(saved[-1].name.partition("-")[2]) if saved else 0
    if not step and run == trainer.folder:
        return f"No step is saved. To start again, repeat the command{f' with{more}' if more else ''}."
    return f"The run is saved up to step {step:,}. To resume it: i2ikit train --resume {quote_path(run)}{more}"


def _suggest_less(trainer: Trainer) -> str:
    """Return what would need less memory, with the command for it."""
    share, parts = trainer.model.recipe.batch // trainer.engine.count, trainer.options.accumulate
    more_parts = next((each for each in range(parts + 1, share + 1) if share % each == 0), None)
    if more_parts is None:
        return f"Smaller images (--size) need less, in a new run. {_describe_saved(trainer)}"
    saved = _describe_saved(trainer, f" --accumulate {more_parts}")
    allow = " --allow-change train.accumulate" if "--resume" in saved else ""
    return f"More micro-batches (--accumulate), a smaller --batch and a smaller --size need less. {saved}{allow}"


def _write_traceback(trainer: Trainer, error: Exception) -> None:
    path = trainer.folder / TRACEBACK
    if trainer.engine.is_main_process and (trainer.folder / FILE).is_file():
        with suppress(OSError):
            path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            error.add_note(f'The traceback is in "{path}".')
