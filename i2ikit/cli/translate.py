"""``i2ikit translate``: files, folders and globs through a trained model."""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from i2ikit.cli.options import colour
from i2ikit.errors import DataError, OptionError, UnknownNameError, suggest

if TYPE_CHECKING:
    from i2ikit.core.model import Model
    from i2ikit.inference.translate import TranslationResult

Job = tuple[Path, Path]
_WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".npy")


@click.command()
@click.argument("model", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path))
@click.argument("paths", metavar="INPUT... OUT", nargs=-1, required=True)
@click.option("--to", "to", multiple=True, metavar="NAME=VALUE", help="What is asked for, such as tone=dark; may be given several times.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="What the inputs are; by default the discriminator is asked.")
@click.option("--source", help="'unknown' leaves label sets that --to does not name unknown; or the domain that the inputs are from.")
@click.option("--style", type=click.Path(path_type=Path), help="An image whose style is taken, where the model draws a style.")
@click.option("--samples", type=click.IntRange(min=1), help="That many translations of each input, in numbered files.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the drawn style; sample n is what seed + n - 1 gives.")
@click.option(
    "--tile", type=click.IntRange(min=1), metavar="PIXELS", help="Translate in tiles of that side, for images larger than the memory."
)
@click.option("--size", type=click.Choice(("trained",)), help="Resize to the size that the model was trained at; kept by default.")
@click.option(
    "--background", metavar="COLOUR", callback=colour, help="A colour behind transparent pixels; that of the training by default."
)
@click.option("--device", default="cpu", show_default=True, help="Where the model runs.")
def translate(
    model: Path, paths: tuple[str, ...], to: tuple[str, ...], label: tuple[str, ...], source: str | None, style: Path | None,
    samples: int | None, seed: int, tile: int | None, size: str | None, background: str | None, device: str,
) -> None:  # fmt: skip
    """Translate files, folders or quoted globs with the model of a run or a model folder.

    OUT is a file for one input file, and a folder otherwise. Channels and bits are kept. Attributes that --to does not name stay as they
    are, and each line says where their values come from: label, discriminator or unknown.

    \b
    i2ikit translate runs/emoji in.png out.png --to tone=dark
    i2ikit translate runs/emoji photos "more/*.png" results --to tone=dark --to gender=male
    i2ikit translate runs/cats in.png results/ --to dog --samples 5
    """  # noqa: D301 - click wants the backspace itself, which ends wrapping
    if len(paths) < 2:
        raise OptionError(f'"{paths[0]}" is the only path. Give the inputs, and at the end where the translations go: INPUT... OUT.')
    wanted, known = _target(to), _values(label, "--label")
    jobs = list(planned(paths[:-1], paths[-1]))
    from i2ikit.core.storage import load
    from i2ikit.cpu import tune_cpu
    from i2ikit.inference.translate import check_request

    tune_cpu()
    built = load(model, device=device)
    _check_labels(built, wanted, known, source)
    with _typed():
        check_request(built, wanted, known or None, source, samples, style)
    sizes = _check(built, jobs, background)
    trained = (built.image.height, built.image.width)
    others = [found for found in sizes if found != trained]
    if others and size is None:
        what = f"{others[0][0]}x{others[0][1]}" if len(set(others)) == 1 else "another size"
        at = f"{trained[0]}x{trained[1]}"
        click.echo(f"note: the model was trained at {at}; images of {what} stay as large as they are. --size trained resizes them.")
    if built.batch_kind == "paired" and any(width == 2 * height for height, width in sizes) and trained[0] == trained[1]:
        click.echo(
            "note: some images are twice as wide as high, as pairs side by side are; they are translated whole. Cut the source out first."
        )
    noted: set[str] = set()
    for given, out in jobs:
        options: dict[str, Any] = {"label": known or None, "source": source, "size": size, "background": background}
        options |= {"style": style, "samples": samples, "seed": seed, "tile": tile}
        with _typed(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answers = built.translate(given, to=wanted, out=out, details=True, **options)
        for text in dict.fromkeys(str(each.message) for each in caught if str(each.message) not in noted):
            noted.add(text)
            click.echo(f"note: {_options(text)}")
        for answer in answers if isinstance(answers, list) else [answers]:
            click.echo(f"{given} -> {answer.image}{_label_from_discriminator(answer)}")
    if len(jobs) > 1:
        click.echo(f"{len(jobs)} images in {paths[-1]}")


@contextmanager
def _typed() -> Iterator[None]:
    """Name options in errors as they are typed here: ``samples=2`` is ``--samples 2``."""
    try:
        yield
    except (OptionError, DataError) as error:
        raise type(error)(_options(str(error))) from None


def _options(text: str) -> str:
    known = r"\b(to|label|source|style|samples|tile|size)=(?=([\w\"'{]?))"
    return re.sub(known, lambda found: f"--{found[1]}{' ' * bool(found[2])}", text)


def planned(inputs: Sequence[str], out: str) -> Iterator[Job]:
    """Give each input file with the file that it is translated to.

    Raises:
        DataError: An input is missing or holds no image.
        OptionError: OUT does not fit the inputs, or a file would be written twice or over an input.
    """
    found = [job for each in inputs for job in _expanded(each)]
    single = len(inputs) == 1 and Path(inputs[0]).is_file()
    place = Path(out)
    to_folder = not single or place.is_dir() or out.endswith(("/", os.sep))
    if to_folder and place.is_file():
        raise OptionError(f'"{out}" is a file, and {len(found)} inputs need a folder. Name a folder at the end.')
    if not to_folder and place.suffix.lower() not in _WRITTEN:
        raise OptionError(f'"{out}" is no image file: it ends in none of {", ".join(_WRITTEN)}. Name one, or a folder with "/" at its end.')
    _refuse_unwritable(place if to_folder else place.parent)
    written: dict[Path, Path] = {}
    sources = {file.resolve() for file, _ in found}
    for file, name in found:
        target = place / (name if name.suffix.lower() in _WRITTEN else name.with_suffix(".png")) if to_folder else place
        if written.get(target) == file:  # named twice, such as by a folder and by a glob
            continue
        if target in written:
            raise OptionError(f'"{written[target]}" and "{file}" would both be written to "{target}". Translate them into two folders.')
        if target.resolve() in sources:
            raise OptionError(f'"{target}" is one of the inputs and would be lost. Choose another place for the translations.')
        written[target] = file
        yield file, target


def _expanded(text: str) -> list[tuple[Path, Path]]:
    """Return the files that an input means, each with its name below the output folder."""
    from i2ikit.pixels import is_image

    path = Path(text)
    if path.is_file():
        return [(path, Path(path.name))]
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file() and is_image(each.name))
        if not files:
            raise DataError(f'Folder "{text}" holds no image.')
        return [(each, each.relative_to(path)) for each in files]
    if glob.has_magic(text):
        fits = map(Path, glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
        files = sorted(each for each in fits if is_image(each.name) and each.is_file())
        if not files:
            raise DataError(f'No image fits "{text}".')
        return [(each, Path(each.name)) for each in files]
    near = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = suggest(path.name, near) if near else f'Folder "{path.parent}" is {"empty" if path.parent.is_dir() else "not there"}.'
    raise DataError(f'There is no image at "{text}". {hint}')


def _refuse_unwritable(folder: Path) -> None:
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise OptionError(f'"{folder}" cannot be made, because "{there}" is a file. Choose another place for the translations.')
    if not os.access(there, os.W_OK):
        raise OptionError(f'Folder "{there}" cannot be written. Choose another place for the translations.')


def _target(words: Sequence[str]) -> dict[str, str] | str | None:
    """Return what is asked for: values by attribute, one word (a value of the only attribute, or a domain), or nothing."""
    if len(words) == 1 and "=" not in words[0]:
        return words[0]
    return _values(words, "--to") or None


def _values(words: Sequence[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in (part for each in words for part in each.split(",")):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not name or not value:
            raise OptionError(f'{option} "{word}" is not of the form name=value, such as hair=blond.')
        if name in found:
            raise OptionError(f'{option} names "{name}" twice. Give it one value.')
        found[name] = value
    return found


def _check_labels(model: Model, wanted: Mapping[str, str] | str | None, known: Mapping[str, str], source: str | None) -> None:
    """Raise for a name or a value that the model does not have."""
    domain = model.domain
    if model.batch_kind == "unpaired":
        asked = wanted.values() if isinstance(wanted, Mapping) else (wanted,)
        for name in (*asked, source):
            if isinstance(name, str) and name not in domain.names:
                raise UnknownNameError("domain of this model", name, domain.names)
    if model.batch_kind != "labelled":
        return
    if source not in (None, "unknown"):
        raise OptionError(
            f'--source "{source}" says nothing to this model. {suggest(source, ["unknown"])} What the inputs are is said by '
            "--label NAME=VALUE."
        )
    if wanted is None:
        first = domain.attributes[0]
        raise OptionError(f"There is no --to. Say what is asked for, such as --to {first.name}={first.choices[-1]}.")
    if isinstance(wanted, str) and len(domain.attributes) > 1:
        names = ", ".join(each.name for each in domain.attributes)
        raise OptionError(f'--to "{wanted}" does not say of which attribute. Write --to name={wanted}; the names are {names}.')
    given = {domain.attributes[0].name: wanted} if isinstance(wanted, str) else wanted
    for name, value in [*given.items(), *known.items()]:
        domain.attribute(name).encode(value)


def _check(model: Model, jobs: Sequence[Job], background: str | None) -> list[tuple[int, int]]:
    """Open every input, so that nothing is written where one of them is damaged; return their sizes."""
    from i2ikit.inference.translate import read

    sizes = []
    for given, _ in jobs:
        try:
            pixels = read(model, given, background).pixels
        except DataError as error:
            text = str(error).replace('background="white"', "--background white")  # as it is written here
            raise DataError(text if str(given) in text else f'"{given}": {text}') from None
        sizes.append((pixels.shape[-2], pixels.shape[-1]))
    return sizes


def _label_from_discriminator(answer: TranslationResult) -> str:
    if not answer.values:
        return ""
    values = answer.values[0]
    shown = (f"{name} {'unknown' if values[name] is None else values[name]} ({origin})" for name, origin in answer.origin.items())
    return "  " + ", ".join(text.replace("unknown (unknown)", "unknown") for text in shown)
