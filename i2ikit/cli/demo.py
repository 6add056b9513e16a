"""``i2ikit demo``: train on drawn faces, measure, and leave a page; goes on where it was stopped."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from i2ikit.errors import OptionError

if TYPE_CHECKING:
    from i2ikit.evaluate import Report

RECIPE, LABELS, COUNT = "stargan-fast", ("hair", "glasses"), 3000
_OWN = ("run.json", "log.jsonl", "samples", "tensorboard", "stopped.json")  # what a run has before its first checkpoint


@click.command()
@click.option("--run", type=click.Path(path_type=Path), default="runs/demo", show_default=True, help="The folder of the run.")
@click.option("--minutes", type=click.FloatRange(min=0.01), default=6.0, show_default=True, help="How long to train.")
@click.option("--size", type=click.IntRange(min=16, max=256), default=48, show_default=True, help="Pixels of a side; a multiple of 4.")
def demo(run: Path, minutes: float, size: int) -> int:
    """Train StarGAN on drawn faces and leave a page of pictures and numbers. Needs no GPU, no data set and no network.

    Ctrl-C saves; the same command goes on from there. After the end it only writes the page again.
    """
    trained, started = (run / "final" / "config.json").is_file(), (run / "run.json").is_file()
    measured = (run / "numbers.json").is_file()
    if size % 4:
        raise OptionError(f"--size {size} is no multiple of 4. Take {size - size % 4}.")
    if trained and measured:
        click.echo(f'The demo in "{run}" is complete: only its page is written again. For a new one: i2ikit demo --run runs/other')
    else:
        _announce(run, minutes, size, trained=trained, started=started)
    from i2ikit.cpu import tune_cpu
    from i2ikit.train import TrainingInterrupted

    tune_cpu()
    if not trained:
        try:
            _train(run, minutes, size)
        except TrainingInterrupted as stopped:
            click.echo(f"Stopped after step {stopped.steps_done:,}; everything is saved. The same command goes on: {_again(run)}")
            return 130
    if not measured:
        click.echo("Measuring on faces that were never trained on.")
        _tell(_measure(run))
    _finish(run)
    return 0


def _announce(run: Path, minutes: float, size: int, *, trained: bool, started: bool) -> None:
    begin = "done" if trained else "goes on where it stopped" if started else f"about {minutes:g} minutes on two cores"
    click.echo("StarGAN learns to change the hair colour and the glasses of drawn faces.")
    click.echo(f"  train    {begin}: one generator for all changes, {size}x{size} pixels")
    click.echo("  measure  about half a minute: held-out faces against the true drawing of each change")
    click.echo(f"  page     a few seconds: {run / 'index.html'}")
    click.echo(f"Ctrl-C saves, and the same command goes on: {_again(run)}")


def _train(run: Path, minutes: float, size: int) -> None:
    from i2ikit import build, open_data
    from i2ikit.train import TrainingData, configuration, fit, resume

    if any(run.glob("checkpoints/step-*/model/config.json")):
        resume(run)
        return
    _clear_unfinished(run)
    configuration.refuse_existing(run)
    path = f"faces:count={COUNT},size={size},hats=0"
    data = open_data(path, labels=LABELS)
    model = build(RECIPE, size=size, labels=data.domain)
    fit(model, TrainingData(data, path, {"labels": list(LABELS)}), run, minutes=minutes, log_every=10)


def _clear_unfinished(run: Path) -> None:
    """Remove what a run left that was ended before its first checkpoint; anything else is for the training to refuse."""
    if not (run / "run.json").is_file():
        return
    for name in (*_OWN, "checkpoints"):
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _measure(run: Path) -> Report:
    from i2ikit.evaluate import evaluate_run

    return evaluate_run(run, classifier=None)


def _tell(report: Report) -> None:
    found = {number.name: number for number in report.numbers}
    if {"psnr/hair", "psnr_copy/hair"} <= set(found):
        ours, copied = found["psnr/hair"].value, found["psnr_copy/hair"].value
        click.echo(f"  hair colour  PSNR {ours:.2f} dB against the true drawing; copying the input gives {copied:.2f} dB")
    for name in LABELS:
        right = found.get(f"accuracy/{name}") or found.get(f"nearest_accuracy/{name}")
        if right is not None:
            click.echo(f"  {name:11}  {100 * right.value:.1f} % of the translations show what was asked for")


def _finish(run: Path) -> None:
    from i2ikit.train.page import write_page

    page = write_page(run)
    click.echo(f"The page: {page.resolve().as_uri()}")
    click.echo(f"Now try:  i2ikit translate {shlex.quote(str(run))} FACE.png OUT.png --to hair=red    (faces: i2ikit data make faces DIR)")


def _again(run: Path) -> str:
    return "make demo" if run == Path("runs/demo") else f"i2ikit demo --run {shlex.quote(str(run))}"
