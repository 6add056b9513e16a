"""``i2ikit eval``: measure a run, each number with its protocol."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("eval")
@click.argument("run_or_model", type=click.Path(path_type=Path))
@click.option("--data", help="Other data than the run was trained on, or the same at another place.")
@click.option("--split", default="test", show_default=True, help="The split to measure on.")
@click.option("--targets", default="all", show_default=True, help="The attributes to ask for, such as 'tone,gender'.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many input images, drawn with seed 0.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Images translated together.")
@click.option("--resize", type=click.Choice(("lanczos", "bilinear")), default="lanczos", show_default=True, help="To the model's size.")
@click.option("--no-classifier", is_flag=True, help="Leave attribute accuracy out, and save the minute that its classifier takes to train.")
@click.option(
    "--classifier-steps", type=click.IntRange(min=1), default=900, show_default=True, help="Batches that its classifier is trained on."
)
@click.option(
    "--features", metavar="NAME", help="FID, KID and inception scores of 'own-classifier', trained on the data, or 'inception=WEIGHTS.pth'."
)
@click.option("--lpips", multiple=True, metavar="NAME", help="LPIPS by 'alex=TRUNK.pth,LINEAR.pth' or 'vgg=TRUNK.pth,LINEAR.pth'.")
@click.option("--samples", type=click.IntRange(min=0), default=8, show_default=True, help="Of one input, for diversity; 0 for none.")
@click.option("--sampled", type=click.IntRange(min=1), default=64, show_default=True, help="Inputs that diversity is measured on.")
@click.option("--device", default="cpu", show_default=True, help="Where the model runs.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def evaluate(
    run_or_model: Path, data: str | None, split: str, targets: str, limit: int | None, batch: int, resize: str, no_classifier: bool,
    classifier_steps: int, features: str | None, lpips: tuple[str, ...], samples: int, sampled: int, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Measure a run, or a model with --data, and write the numbers into RUN/numbers.json.

    With --limit, --split or --targets they go into a file beside it, such as RUN/numbers-limit-100.json: the page shows the whole alone.
    """
    from i2ikit.evaluate.extractor import parse_features
    from i2ikit.evaluate.perceptual import parse_lpips
    from i2ikit.evaluate.report import protocol_lines
    from i2ikit.evaluate.run import NUMBERS, RUN, evaluate_run, numbers_file

    report = evaluate_run(
        run_or_model, data=data, device=device, split=split, targets=targets, limit=limit, batch=batch, resize=resize,
        classifier=None if no_classifier else "auto", features=None if features is None else parse_features(features),
        lpips=[parse_lpips(each) for each in lpips], samples=samples, sampled=sampled, classifier_steps=classifier_steps,
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
        return
    for line in report.table():
        click.echo(line)
    click.echo("")
    for line in protocol_lines([each for each in report.numbers if not each.name.startswith(("parameters", "classifier"))]):
        click.echo(line)
    if (run_or_model / RUN).is_file():
        name = numbers_file(split=split, targets=targets, limit=limit)
        aside = "" if name == NUMBERS else f"; {NUMBERS} and the page stay as they are"
        click.echo(f"written to {run_or_model / name}{aside}")
