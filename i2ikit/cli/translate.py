"""``i2ikit translate``: translate image files, folders and globs with a trained model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli.file_options import add_file_options
from i2ikit.cli.options import check_colour, parse_target, parse_values
from i2ikit.cli.output import echo
from i2ikit.cli.progress_bar import show_tasks
from i2ikit.cli.translate_files import FileTranslator, describe_sizes, read_sizes
from i2ikit.cli.translate_jobs import FORMATS, choose_output, plan_jobs
from i2ikit.core.visible_text import make_visible_line
from i2ikit.errors import OptionError, UnknownNameError, format_count, suggest
from i2ikit.quoting import join_pair

if TYPE_CHECKING:
    from i2ikit.core.model import Model


@click.command()
@click.argument("model", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path))
@click.argument("paths", metavar="INPUT... OUT", nargs=-1, required=True)
@click.option("--to", "to", multiple=True, metavar="NAME=VALUE", help="Target label, such as tone=dark, or target domain. Can be repeated.")
@click.option(
    "--label",
    multiple=True,
    metavar="NAME=VALUE",
    help="Label of the inputs. Can be repeated. Default: predicted by the discriminator.",
)
@click.option("--source", help="Domain of the inputs; or 'unknown': label sets without --to stay unknown.")
@click.option("--style", type=click.Path(path_type=Path), help="Image that provides the style, if the model has styles.")
@click.option("--samples", type=click.IntRange(min=1), help="Number of translations of each input, as numbered files.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the style. Sample n uses seed + n - 1.")
@click.option(
    "--tile",
    type=click.IntRange(min=1),
    metavar="PIXELS",
    help="Translate in square tiles of this side, to use less memory.",
)
@click.option("--size", type=click.Choice(("trained",)), help="Resize the images to the training size. Default: no resizing.")
@click.option(
    "--background", metavar="COLOUR", callback=check_colour, help="Colour behind transparent pixels. Default: that of the training."
)
@click.option(
    "--format", "file_format", type=click.Choice(FORMATS), help="Format of the files in an output folder. Default: that of the input."
)
@add_file_options
@click.option("--device", default="cpu", show_default=True, help="Device to run on.")
def translate(
    model: Path, paths: tuple[str, ...], to: tuple[str, ...], label: tuple[str, ...], source: str | None, style: Path | None,
    samples: int | None, seed: int, tile: int | None, size: str | None, background: str | None, file_format: str | None, range: str | None,  # noqa: A002
    max_pixels: int | None, device: str,
) -> int:  # fmt: skip
    """Translate image files, folders or quoted globs with a run or a model folder.

    OUT is a file if there is one input file, else a folder; by default a folder in the working directory, named after the input. Type and
    range of the values are kept. Inputs that cannot be translated are listed at the end, and the exit code is 1.

    Attributes without --to keep the values of the input, which come from --label, else from the discriminator. The printed lines show each
    value and its origin: to, label, discriminator or unknown.

    \b
    i2ikit translate runs/emoji in.png out.png --to tone=dark
    i2ikit translate runs/emoji photos "more/*.png" results --to tone=dark --to gender=male
    i2ikit translate runs/cats in.png results/ --to dog --samples 5
    """  # noqa: D301 - click reads the backspace character as "do not wrap these lines"
    wanted, known = parse_target(to), parse_values(label, "--label")
    inputs, out = (paths[:-1], paths[-1]) if len(paths) > 1 else (paths, choose_output(paths[0]))
    jobs = list(plan_jobs(inputs, out, file_format))
    from i2ikit.core.load import load
    from i2ikit.cpu import tune_cpu
    from i2ikit.inference.model_images import prepare, read_image
    from i2ikit.inference.translate import check_request

    tune_cpu()
    built = load(model, device=device)
    _check_labels(built, wanted, known, source)
    preparation = prepare(built, background, range, max_pixels)
    check_request(built, wanted, known or None, source, samples, style)
    if style is not None:
        read_image(built, style, spec=built.image, preparation=preparation)  # else the same error would be told for each input
    options: dict[str, Any] = {"to": wanted, "label": known or None, "source": source, "size": size, "style": style, "samples": samples}
    options |= {"seed": seed, "tile": tile, "background": background, "range": range, "max_pixels": max_pixels}
    is_single = len(inputs) == 1 and Path(inputs[0]).is_file()
    keeps_suffix = file_format is not None or (is_single and jobs[0][1] == Path(out))
    translator = FileTranslator(built, preparation, options, keeps_suffix=keeps_suffix)
    for note in describe_sizes(built, read_sizes(jobs, max_pixels), size):
        translator.note(note)
    with show_tasks() as on_task:
        for number, (given, target) in enumerate(jobs, start=1):
            (translator.translate if is_single else translator.try_to_translate)(given, target)
            if len(jobs) > 1:
                on_task("Translating", number, len(jobs))
    if len(jobs) > 1:
        echo(f"{format_count(translator.done, 'image')} in {out}")
    if not translator.failed:
        return 0
    failed = sum(map(len, translator.failed.values()))
    echo(f"{failed:,} of {format_count(len(jobs), 'input')} could not be translated:", err=True, colour="red")
    for reason, files in translator.failed.items():
        if len(files) == 1:
            line = f'"{files[0]}": {reason}'
            echo(f"  {make_visible_line(line)}", err=True)
            continue
        echo(f"  {len(files):,} files: {make_visible_line(reason)}", err=True)  # told once
        for file in files:
            echo(f"    {make_visible_line(file)}", err=True)
    return 1


def _check_labels(model: Model, wanted: Mapping[str, str] | str | None, known: Mapping[str, str], source: str | None) -> None:
    """Check that the model has all names and values."""
    domain = model.domain
    if model.batch_kind.domains:
        domains = wanted.values() if isinstance(wanted, Mapping) else (wanted,)
        for name in (*domains, source):
            if isinstance(name, str) and name not in domain.names:
                raise UnknownNameError("domain of this model", name, domain.names)
    if not model.batch_kind.has_labels(domain):
        return
    if source not in (None, "unknown"):
        raise OptionError(
            f'--source "{source}" is not a value for a model with labels. {suggest(source, ["unknown"])} '
            "To set labels of the inputs, use --label NAME=VALUE."
        )
    if wanted is None:
        first = domain.attributes[0]
        raise OptionError(f"--to is missing. Request a value, for example --to {shlex.quote(join_pair(first.name, first.choices[-1]))}.")
    if isinstance(wanted, str) and len(domain.attributes) > 1:
        names = ", ".join(each.name for each in domain.attributes)
        raise OptionError(f'--to "{wanted}" does not name its attribute. Write --to NAME={wanted}. Available: {names}.')
    given = {domain.attributes[0].name: wanted} if isinstance(wanted, str) else wanted
    for name, value in [*given.items(), *known.items()]:
        domain.attribute(name).encode(value)
