"""``i2ikit demo``: train on cartoon faces, evaluate, and write a report page. Resumes where it was stopped."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from i2ikit.cli.output import echo
from i2ikit.core.sample_size import describe_count
from i2ikit.errors import OptionError
from i2ikit.lasting_output import keep_training_without_output

if TYPE_CHECKING:
    from i2ikit.evaluation import Report

RECIPE, LABELS, COUNT = "stargan-fast", ("hair", "glasses"), 3000
# What a run can hold before its first checkpoint.
_FILES = ("run.json", "log.jsonl", "samples", "tensorboard", "stopped.json")


@click.command()
@click.option("--run", type=click.Path(path_type=Path), default="runs/demo", show_default=True, help="Run folder.")
@click.option("--minutes", type=click.FloatRange(min=0.01), default=6.0, show_default=True, help="Length of the training.")
@click.option(
    "--size", type=click.IntRange(min=16, max=256), default=48, show_default=True, help="Side of the images in pixels; a multiple of 4."
)
def demo(run: Path, minutes: float, size: int) -> int:
    """Train StarGAN on cartoon faces and write a report page with images and metrics.

    The demo needs no GPU, no data set and no network.

    Ctrl-C saves the run, and the same command resumes it. If the run is complete, the command only writes the page again.
    """
    trained, started = (run / "final" / "config.json").is_file(), (run / "run.json").is_file()
    measured = (run / "numbers.json").is_file()
    if size % 4:
        raise OptionError(f"--size is {size}; it must be a multiple of 4. Use {size - size % 4}.")
    if trained and measured:
        echo(f'The demo in "{run}" is complete. Only its page is written again. To start a new demo: i2ikit demo --run runs/other')
    else:
        _print_steps(run, minutes, size, trained=trained, started=started)
    from i2ikit.cpu import tune_cpu
    from i2ikit.train import TrainingInterrupted
    from i2ikit.train.run_lock import hold_run

    tune_cpu()
    if not trained:
        try:
            with keep_training_without_output(), hold_run(run):
                _train(run, minutes, size)
        except TrainingInterrupted as stopped:
            echo(f"Stopped after step {stopped.steps_done:,}. The training is saved. To resume it: {_format_command(run)}")
            return 130
    if not measured:
        echo("Evaluating on faces of the test split.")
        _print_metrics(_measure(run))
    _write_page(run)
    return 0


def _print_steps(run: Path, minutes: float, size: int, *, trained: bool, started: bool) -> None:
    state = "done" if trained else "resumes where it stopped" if started else f"about {minutes:g} minutes on two CPU cores"
    echo("StarGAN learns to change the hair colour and the glasses of cartoon faces.")
    echo(f"  train     {state}; one generator for all attributes, {size}x{size} pixels")
    echo("  evaluate  about half a minute; translations of test faces are compared with their target images")
    echo(f"  page      a few seconds; {run / 'index.html'}")
    echo(f"Ctrl-C saves the training. To resume it: {_format_command(run)}")


def _train(run: Path, minutes: float, size: int) -> None:
    from i2ikit import build, open_data
    from i2ikit.core.storage import list_checkpoints
    from i2ikit.train import TrainingData, configuration, fit, resume

    if list_checkpoints(run):
        resume(run)
        return
    _clear_unfinished(run)
    configuration.refuse_existing(run)
    path = f"faces:count={COUNT},size={size},hats=0"
    data = open_data(path, labels=LABELS)
    model = build(RECIPE, size=size, labels=data.domain)
    fit(model, TrainingData(data, path, {"labels": list(LABELS)}), run, minutes=minutes, log_every=10)


def _clear_unfinished(run: Path) -> None:
    """Remove the files of a run that was ended before its first checkpoint. With other files, the training refuses the folder."""
    if not (run / "run.json").is_file():
        return
    for name in (*_FILES, "checkpoints"):
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _measure(run: Path) -> Report:
    from i2ikit.cli.progress_bar import show_tasks
    from i2ikit.evaluation import evaluate_run

    with show_tasks() as on_task:
        return evaluate_run(run, classifier=None, on_task=on_task)


def _print_metrics(report: Report) -> None:
    found = {number.name: number for number in report.numbers}
    if {"psnr/hair", "psnr_copy/hair"} <= set(found):
        psnr, copy = found["psnr/hair"], found["psnr_copy/hair"]
        count = describe_count(psnr.protocol)
        echo(f"  hair colour  PSNR {psnr.value:.2f} dB to the target images (n = {count}); a copy of the input has {copy.value:.2f} dB")
    for name in LABELS:
        accuracy, what = found.get(f"accuracy/{name}"), "show the requested value"
        if accuracy is None:
            accuracy, what = found.get(f"nearest_accuracy/{name}"), "are nearest to the target image of the requested value"
        if accuracy is not None:
            echo(f"  {name:11}  {100 * accuracy.value:.1f} % of the translations {what} (n = {describe_count(accuracy.protocol)})")


def _write_page(run: Path) -> None:
    from i2ikit.train.page import write_page

    page = write_page(run)
    echo(f"Page:       {page.resolve().as_uri()}")
    echo(f"Try next:   i2ikit translate {shlex.quote(str(run))} FACE.png OUT.png --to hair=red")
    echo("            (i2ikit data make faces DIR makes face images)")


def _format_command(run: Path) -> str:
    return "make demo" if run == Path("runs/demo") else f"i2ikit demo --run {shlex.quote(str(run))}"
