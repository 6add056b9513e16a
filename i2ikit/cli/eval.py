"""``i2ikit eval``: evaluate a run. Each metric comes with its protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from i2ikit.cli.file_options import add_max_pixels
from i2ikit.cli.output import echo, print_warning
from i2ikit.errors import I2IKitError


@click.command("eval")
@click.argument("run_or_model", type=click.Path(path_type=Path))
@click.option("--data", help="Data to evaluate on. Default: the data that the run was trained on.")
@click.option("--split", default="test", show_default=True, help="Split to evaluate on.")
@click.option("--targets", default="all", show_default=True, help="Attributes to change, such as 'tone,gender'.")
@click.option("--limit", type=click.IntRange(min=1), help="Largest number of input images. They are drawn with seed 0.")
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Batch size.")
@click.option(
    "--resize",
    type=click.Choice(("lanczos", "bilinear")),
    default="lanczos",
    show_default=True,
    help="Filter that resizes images to the size of the model.",
)
@click.option("--no-classifier", is_flag=True, help="Skip attribute accuracy, whose classifier takes about a minute to train.")
@click.option("--classifier-steps", type=click.IntRange(min=1), default=900, show_default=True, help="Training steps of this classifier.")
@click.option(
    "--features",
    metavar="NAME",
    help="Network for FID, KID and inception scores: 'own-classifier' (trained on the data) or 'inception=WEIGHTS.pth'.",
)
@click.option(
    "--lpips", multiple=True, metavar="NAME", help="Network for LPIPS: 'alex=BACKBONE.pth,LINEAR.pth' or 'vgg=BACKBONE.pth,LINEAR.pth'."
)
@click.option(
    "--samples-per-input",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="Number of translations of each input that the diversity metrics compare. 0 draws no samples.",
)
@click.option("--num-inputs", type=click.IntRange(min=1), default=64, show_default=True, help="Number of inputs for the diversity metrics.")
@add_max_pixels
@click.option("--device", default="cpu", show_default=True, help="Device to run on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(
    run_or_model: Path, data: str | None, split: str, targets: str, limit: int | None, batch: int, resize: str, no_classifier: bool,
    classifier_steps: int, features: str | None, lpips: tuple[str, ...], samples_per_input: int, num_inputs: int,
    max_pixels: int | None, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Evaluate a run, or a model with --data; write the numbers of a run to RUN/numbers.json, and its report page.

    With other data, or with --limit, --split, --targets or --resize, the numbers are written to another file, such as
    RUN/numbers-limit-100.json, and the page does not change: it shows only RUN/numbers.json.
    """
    from i2ikit.cli.progress_bar import show_tasks
    from i2ikit.evaluation.feature_option import parse_features
    from i2ikit.evaluation.perceptual import parse_lpips
    from i2ikit.evaluation.report import format_protocol
    from i2ikit.evaluation.run import measure_run

    networks: dict[str, Any] = {
        "features": None if features is None else parse_features(features), "lpips": [parse_lpips(each) for each in lpips],
    }  # fmt: skip
    with show_tasks() as on_task:
        report, file = measure_run(
            run_or_model, data=data, device=device, split=split, targets=targets, limit=limit, batch=batch, resize=resize,
            classifier=None if no_classifier else "auto", samples_per_input=samples_per_input, num_inputs=num_inputs,
            classifier_steps=classifier_steps, max_pixels=max_pixels, on_task=on_task, **networks,
        )  # fmt: skip
    if as_json:
        echo(json.dumps(report.to_json(), indent=2))
    else:
        for line in report.table():
            echo(line)
        echo("")
        for line in format_protocol([each for each in report.numbers if not each.name.startswith(("parameters", "classifier"))]):
            echo(line)
    if file is not None:
        message = _write_page(file)
        if not as_json:
            echo(message)


def _write_page(file: Path) -> str:
    """Write the page of a run if it shows the numbers in a file, and return a line that names what was written."""
    from i2ikit.evaluation.run import NUMBERS
    from i2ikit.train.page import write_page

    if file.name != NUMBERS:
        return f"written to {file}; {NUMBERS} and the page are unchanged"
    try:
        return f"written to {file}; page: {write_page(file.parent)}"
    except I2IKitError as error:
        print_warning(f"The page could not be written: {error}")
        return f"written to {file}"
