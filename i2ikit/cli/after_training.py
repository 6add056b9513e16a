"""What happens after a training: evaluation and report page, or a message about a training that was stopped."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

from i2ikit.cli.output import echo
from i2ikit.cli.unexpected import describe_system_error, describe_unexpected
from i2ikit.errors import I2IKitError, OptionError


def finish_run(run: Path, with_evaluation: bool, progress: Any) -> int:
    """Evaluate a run on the test split, write its report page and return the exit code. The run is complete without them."""
    from i2ikit.cli.progress_bar import show_tasks
    from i2ikit.core.storage import find_run_folder, list_stage_folders
    from i2ikit.evaluation import evaluate_run
    from i2ikit.train.page import write_page

    start, quoted_run = time.monotonic(), shlex.quote(str(run))
    if with_evaluation:
        progress.say("Evaluating on the test split.")
        try:
            with show_tasks() as on_task:
                _try(lambda: evaluate_run(run, on_task=on_task), "evaluation", f"i2ikit eval {quoted_run}")
        except KeyboardInterrupt:
            progress.say(f"Stopped during the evaluation. The trained model is saved. To evaluate it: i2ikit eval {quoted_run}")
            return 130
    for folder in list_stage_folders(run) or [run]:
        _try(lambda folder=folder: write_page(folder), "page", f"i2ikit page {shlex.quote(str(folder))}")
    seconds = time.monotonic() - start
    page = find_run_folder(run) / "index.html"
    progress.say(f"Done{f', {seconds:.0f} s after the training' if seconds > 5 else ''}: {page if page.exists() else run / 'final'}")
    return 0


def _try(task: Any, name: str, command: str) -> None:
    try:
        task()
    except OptionError as error:  # nothing can be evaluated, now or later
        echo(f"note: The run has no {name}: {error}")
    except I2IKitError as error:
        echo(f"warning: The {name} failed: {error} The model is saved. To try again: {command}", colour="yellow", err=True)
    except Exception as error:  # noqa: BLE001 - the training has succeeded
        reason = describe_system_error(error, None) or describe_unexpected(error)
        echo(f"warning: The {name} failed: {reason} The model is saved. To try again: {command}", colour="yellow", err=True)


def describe_stop(run: Path | None) -> str:
    """Describe what is saved after a training was stopped before its first step, or stopped twice."""
    from i2ikit.core.storage import list_checkpoints, list_stage_folders

    folders = [] if run is None else list_stage_folders(run) or [run]
    saved = [folder for each in folders for folder in list_checkpoints(each) if (folder / "state.json").is_file()]
    if run is None or not saved:
        return "Stopped before the first step. Nothing was saved. To start again, repeat the command."
    step = int(saved[-1].name.partition("-")[2])
    return f"Stopped. The run is saved up to step {step:,}. To resume it: i2ikit train --resume {shlex.quote(str(run))}"
