"""What follows a training: numbers and the page, or a word on what a stop has left."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Any

import click

from i2ikit.errors import I2IKitError, OptionError


def conclude(run: Path, measured: bool, progress: Any) -> int:
    """Measure on the test split and write the page, and return the exit code; the run is complete without them."""
    from i2ikit.evaluate import evaluate_run
    from i2ikit.train.page import write_page

    begin, typed = time.monotonic(), shlex.quote(str(run))
    if measured:
        progress.say("Measuring on the test split.")
        try:
            _attempt(lambda: evaluate_run(run), "evaluation", f"i2ikit eval {typed}")
        except KeyboardInterrupt:
            progress.say(f"Stopped while measuring; the trained model is saved. Measure it with: i2ikit eval {typed}")
            return 130
    _attempt(lambda: write_page(run), "page", f"i2ikit page {typed}")
    spent = time.monotonic() - begin
    page = run / "index.html"
    progress.say(f"Done{f' after {spent:.0f} s more' if spent > 5 else ''}: {page if page.exists() else run / 'final'}")
    return 0


def _attempt(work: Any, what: str, again: str) -> None:
    try:
        work()
    except OptionError as error:  # there is nothing to measure, now or later
        click.echo(f"note: no {what}: {error}")
    except I2IKitError as error:
        click.secho(f"warning: the {what} failed: {error} The model is in place; try again with: {again}", fg="yellow", err=True)


def stopped_at_once(run: Path | None) -> str:
    """Say what is left where a training was stopped before its first step, or a second time."""
    kept = sorted(run.glob("checkpoints/step-*/state.json")) if run is not None else []
    if run is None or not kept:
        return "Stopped before the training began; nothing was written that counts. The same command starts it again."
    done = int(kept[-1].parent.name.removeprefix("step-"))
    return f"Stopped at once; step {done:,} and all before are saved. Go on with: i2ikit train --resume {shlex.quote(str(run))}"
