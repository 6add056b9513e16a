"""``i2ikit sample``: generate images from noise, as numbered files or as one picture."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from i2ikit.cli.options import check_image_suffix, check_writable, parse_target
from i2ikit.cli.output import echo
from i2ikit.cli.translate_jobs import FORMATS
from i2ikit.errors import OptionError
from i2ikit.quoting import join_pair

if TYPE_CHECKING:
    from torch import Tensor

    from i2ikit.core.model import Model

GAP = 2
"""Pixels between the images of a grid."""


@click.command()
@click.argument("model", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT")
@click.option("--count", type=click.IntRange(min=1), default=64, show_default=True, help="Number of images.")
@click.option("--to", "to", multiple=True, metavar="NAME=VALUE", help="Domain of the images, or a value of their label. Can be repeated.")
@click.option("--truncation", type=float, metavar="NUMBER", help="Move the styles towards their average: 0.7 keeps 70 % of the distance.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed. An image depends only on the seed and its number.")
@click.option("--batch", type=click.IntRange(min=1), default=16, show_default=True, help="Number of images that are generated together.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), help="Format of numbered images; npy holds floats. Default: png.")
@click.option("--device", default="cpu", show_default=True, help="Device to run on.")
def sample(
    model: Path, out: str, count: int, to: tuple[str, ...], truncation: float | None, seed: int, batch: int, file_format: str | None,
    device: str,
) -> None:  # fmt: skip
    """Generate images from noise with a run or a model folder.

    OUT is a folder, which gets numbered files, or an image file, which shows all images in a grid.

    \b
    i2ikit sample runs/faces images --count 64
    i2ikit sample runs/faces grid.png --count 25 --truncation 0.7
    i2ikit sample runs/cogan blond.png --to blond
    """  # noqa: D301 - click reads the backspace character as "do not wrap these lines"
    wanted, is_grid = parse_target(to), _is_grid(out)
    if is_grid and file_format is not None:
        raise OptionError(f'--format {file_format} is for output folders; the suffix of "{out}" chooses the format. Leave --format out.')
    check_writable(Path(out).parent if is_grid else Path(out))
    from i2ikit.core.load import load
    from i2ikit.cpu import tune_cpu
    from i2ikit.inference.random_weights import describe_untrained
    from i2ikit.inference.sample import generate_samples, make_sample_request
    from i2ikit.pixels import write_image

    tune_cpu()
    built = load(model, device=device)
    _check_labels(built, wanted)
    request = make_sample_request(built, count, domain=wanted, seed=seed, truncation=truncation)
    if note := describe_untrained(built):
        echo(f"note: {note}")
    images = (image.cpu() for some in generate_samples(built, request, batch=batch) for image in some)
    if is_grid:
        write_image(arrange_images(list(images)), Path(out))
        echo(f"{count} images -> {out}")
        return
    suffix, bits = file_format or "png", 32 if file_format == "npy" else 8
    values = built.preprocessing.get("range") if bits == 32 else None
    digits = max(5, len(str(count)))
    for number, image in enumerate(images, start=1):
        write_image(image, Path(out) / f"{number:0{digits}}.{suffix}", bits, range=values)
    echo(f"{count} images in {out}")


def arrange_images(images: list[Tensor]) -> Tensor:
    """Return one image [C, H, W] in [-1, 1] that shows images [C, H, W] row by row, as a grid that is about square."""
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    channels, height, width = images[0].shape
    grid = images[0].new_ones(channels, rows * (height + GAP) - GAP, columns * (width + GAP) - GAP)
    for number, image in enumerate(images):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        grid[:, top : top + height, left : left + width] = image
    return grid


def _is_grid(out: str) -> bool:
    """Return whether OUT is an image file, or raise OptionError if it is neither that nor a folder."""
    path = Path(out)
    if path.is_dir() or out.endswith(("/", os.sep)) or not path.suffix:
        if path.is_file():
            raise OptionError(f'"{out}" is a file without the suffix of an image file. Name a folder, or a file such as grid.png.')
        return False
    check_image_suffix(out)
    return True


def _check_labels(model: Model, wanted: Mapping[str, str] | str | None) -> None:
    """Check that --to names a value of each attribute of a model with labels."""
    from i2ikit.inference.sample import find_sampling_plan

    kind = model.get_batch_kind(find_sampling_plan(model))
    if kind.domains or not kind.has_labels(model.domain):
        return
    attributes = model.domain.attributes
    if wanted is None:
        example = " ".join(f"--to {shlex.quote(join_pair(each.name, each.choices[-1]))}" for each in attributes)
        raise OptionError(f"--to is missing. Request a value of each attribute, for example {example}.")
    if isinstance(wanted, str) and len(attributes) > 1:
        names = ", ".join(each.name for each in attributes)
        raise OptionError(f'--to "{wanted}" does not name its attribute. Write --to NAME={wanted}. Available: {names}.')
