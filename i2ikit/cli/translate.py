"""``i2ikit translate``: translate image files, folders and globs with a trained model."""

from __future__ import annotations

import glob
import os
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli.option_names import name_options
from i2ikit.cli.options import OUTPUT_SUFFIXES, check_colour, check_image_suffix, check_writable, parse_target, parse_values
from i2ikit.cli.output import echo
from i2ikit.errors import DataError, OptionError, UnknownNameError, suggest
from i2ikit.paths import is_system_name, suggest_path
from i2ikit.quoting import join_pair

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.inference.translate import TranslationResult

Job = tuple[Path, Path]


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
@click.option("--device", default="cpu", show_default=True, help="Device to run on.")
def translate(
    model: Path, paths: tuple[str, ...], to: tuple[str, ...], label: tuple[str, ...], source: str | None, style: Path | None,
    samples: int | None, seed: int, tile: int | None, size: str | None, background: str | None, device: str,
) -> None:  # fmt: skip
    """Translate image files, folders or quoted globs with a run or a model folder.

    OUT is a file if there is one input file, else a folder. The bit depth of the files is kept. Attributes without --to keep the values of
    the input, which come from --label, else from the discriminator. The printed lines show each value and its origin: to, label,
    discriminator or unknown.

    \b
    i2ikit translate runs/emoji in.png out.png --to tone=dark
    i2ikit translate runs/emoji photos "more/*.png" results --to tone=dark --to gender=male
    i2ikit translate runs/cats in.png results/ --to dog --samples 5
    """  # noqa: D301 - click reads the backspace character as "do not wrap these lines"
    if len(paths) < 2:
        raise OptionError(f'"{paths[0]}" is the only path. Name the inputs first and the output last: INPUT... OUT.')
    wanted, known = parse_target(to), parse_values(label, "--label")
    jobs = list(plan_jobs(paths[:-1], paths[-1]))
    from i2ikit.core.load import load
    from i2ikit.cpu import tune_cpu
    from i2ikit.inference.translate import check_request

    tune_cpu()
    built = load(model, device=device)
    _check_labels(built, wanted, known, source)
    check_request(built, wanted, known or None, source, samples, style)
    sizes = _read_sizes(built, jobs, background)
    trained = (built.image.height, built.image.width)
    others = [found for found in sizes if found != trained]
    if others and size is None:
        size_text = f"{others[0][0]}x{others[0][1]}" if len(set(others)) == 1 else "other sizes"
        trained_text = f"{trained[0]}x{trained[1]}"
        echo(f"note: The model was trained at {trained_text}; images of {size_text} keep their size. --size trained resizes them.")
    if built.batch_kind.target and any(width == 2 * height for height, width in sizes) and trained[0] == trained[1]:
        echo(
            "note: Some images are twice as wide as high, like pairs side by side. They are translated whole. "
            "If they are pairs, cut out the source image first."
        )
    noted: set[str] = set()
    for given, out in jobs:
        options: dict[str, Any] = {"label": known or None, "source": source, "size": size, "background": background}
        options |= {"style": style, "samples": samples, "seed": seed, "tile": tile}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = built.translate(given, to=wanted, out=out, details=True, **options)
        for text in dict.fromkeys(str(each.message) for each in caught if str(each.message) not in noted):
            noted.add(text)
            echo(f"note: {name_options(text)}")
        for answer in answers if isinstance(answers, list) else [answers]:
            echo(f"{given} -> {answer.image}{_format_labels(answer)}")
    if len(jobs) > 1:
        echo(f"{len(jobs)} images in {paths[-1]}")


def plan_jobs(inputs: Sequence[str], out: str) -> Iterator[Job]:
    """Yield each input file and its output file.

    Raises:
        DataError: An input is missing, or a folder or a glob has no images.
        OptionError: OUT does not fit the inputs, two inputs have the same output, or an output would overwrite an input.
    """
    found = [job for each in inputs for job in _list_inputs(each)]
    single = len(inputs) == 1 and Path(inputs[0]).is_file()
    output = Path(out)
    to_folder = not single or output.is_dir() or out.endswith(("/", os.sep))
    if to_folder and output.is_file():
        raise OptionError(f'"{out}" is a file, but {len(found)} inputs require an output folder. Name a folder at the end.')
    if not to_folder:
        check_image_suffix(out)
    check_writable(output if to_folder else output.parent)
    written: dict[Path, Path] = {}
    sources = {file.resolve() for file, _ in found}
    for file, name in found:
        target = output / (name if name.suffix.lower() in OUTPUT_SUFFIXES else name.with_suffix(".png")) if to_folder else output
        if written.get(target) == file:  # the same input is given twice, such as by a folder and by a glob
            continue
        if target in written:
            raise OptionError(f'"{written[target]}" and "{file}" have the same output "{target}". Translate them into two folders.')
        if target.resolve() in sources:
            raise OptionError(f'"{target}" is one of the inputs and would be overwritten. Choose another output folder.')
        written[target] = file
        yield file, target


def _list_inputs(text: str) -> list[tuple[Path, Path]]:
    """List the files of an input, each with its name in the output folder."""
    from i2ikit.pixels import is_image

    path = Path(text)
    if path.is_file():
        return [(path, Path(path.name))]
    if path.is_dir():
        found = (each for each in path.rglob("*") if is_image(each.name) and not is_system_name(each.relative_to(path).as_posix()))
        files = sorted(each for each in found if each.is_file())
        if not files:
            raise DataError(f'Folder "{text}" contains no images.')
        return [(each, each.relative_to(path)) for each in files]
    if glob.has_magic(text):
        matches = map(Path, glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
        files = sorted(each for each in matches if is_image(each.name) and each.is_file())
        if not files:
            raise DataError(f'No image matches "{text}".')
        return [(each, Path(each.name)) for each in files]
    raise DataError(f'There is no image at "{text}". {suggest_path(path)}')


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


def _read_sizes(model: Model, jobs: Sequence[Job], background: str | None) -> list[tuple[int, int]]:
    """Read every input and return their sizes, so that nothing is written if one of them is damaged."""
    from i2ikit.inference.model_images import read_image

    sizes = []
    for given, _ in jobs:
        try:
            pixels = read_image(model, given, background).pixels
        except DataError as error:
            text = str(error)
            raise DataError(text if str(given) in text else f'"{given}": {text}') from None
        sizes.append((pixels.shape[-2], pixels.shape[-1]))
    return sizes


def _format_labels(answer: TranslationResult) -> str:
    if not answer.values:
        return ""
    values = answer.values[0]
    shown = (f"{name} {'unknown' if values[name] is None else values[name]} ({origin})" for name, origin in answer.origin.items())
    return "  " + ", ".join(text.replace("unknown (unknown)", "unknown") for text in shown)
