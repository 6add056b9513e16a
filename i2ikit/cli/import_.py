"""``i2ikit import``: a model from the weights of an original implementation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from i2ikit.cli.output import echo
from i2ikit.errors import OptionError
from i2ikit.quoting import split_list, split_unquoted, unquote

_FILES = {
    "folder": "Folder with the original checkpoints, instead of single files.",
    "generator": "Weights of the generator.",
    "generator_a": "CycleGAN: weights of the generator from A to B.",
    "generator_b": "CycleGAN: weights of the generator from B to A.",
    "encoder": "BicycleGAN: weights of the style encoder.",
    "discriminator": "Weights of the discriminator.",
    "discriminator_a": "CycleGAN: weights of the discriminator that scores translations of A.",
    "discriminator_b": "CycleGAN: weights of the discriminator that scores translations of B.",
    "discriminator_random": "BicycleGAN: weights of the discriminator for styles from the prior.",
}


def _add_file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, description in reversed(_FILES.items()):
        command = click.option(f"--{name.replace('_', '-')}", type=click.Path(path_type=Path), help=description)(command)
    return command


@click.command("import")
@click.argument("system")
@click.argument("out", type=click.Path(path_type=Path))
@_add_file_options
@click.option("--epoch", help="With --folder: epoch or iteration of the checkpoint. Default: the latest.")
@click.option("--labels", help="Names of the label entries, such as 'hair=black,blond,brown male young'. ' + ' starts another label set.")
@click.option("--domains", metavar="A,B", help="CycleGAN, MUNIT and UNIT: names of the domains.")
@click.option("--size", type=click.IntRange(min=1), help="Side of the images in pixels, if the files do not define it.")
@click.option(
    "--dropout", type=click.FloatRange(min=0, max=1, max_open=True), help="pix2pix and CycleGAN: dropout rate; 0 generates without noise."
)
@click.option("--style", type=click.IntRange(min=1), help="BicycleGAN: width of the style, if the files do not define it.")
@click.option(
    "--source-channels", type=click.IntRange(min=1), help="pix2pix: channels of the source images, if only a discriminator is imported."
)
def import_(
    system: str, out: Path, epoch: str | None, labels: str | None, domains: str | None, size: int | None, dropout: float | None,
    style: int | None, source_channels: int | None, **files: Path | None,
) -> None:  # fmt: skip
    """Convert the original weights of SYSTEM, such as stargan, to the model folder OUT.

    OUT must be a new or empty folder. `i2ikit translate OUT ...` and `i2ikit.load` read the model. A network without a file gets random
    weights; the output names it.

    \b
    i2ikit import stargan --generator 200000-G.ckpt --discriminator 200000-D.ckpt \\
        --labels "hair=black,blond,brown male young" models/celeba
    i2ikit import cyclegan --folder checkpoints/horse2zebra --domains horse,zebra models/horses
    i2ikit import munit --generator gen_01000000.pt --domains edges,shoes models/shoes
    """  # noqa: D301 - click reads the backspace character as "do not wrap these lines"
    from i2ikit import import_official

    domain_names = None if domains is None else tuple(split_list(domains))
    given: dict[str, Any] = {
        **files,
        "epoch": epoch,
        "labels": parse_labels(labels),
        "domains": domain_names,
        "size": size,
        "dropout": dropout,
    }
    given |= {"style": style, "source_channels": source_channels}
    _check_output_folder(out)
    if not any(files.values()):
        raise OptionError("No weights are given. Name their files: --generator FILE, --discriminator FILE, or --folder FOLDER.")
    model = import_official(system, **{name: value for name, value in given.items() if value is not None})
    model.save(out)
    echo(model.explain())
    echo(f"written to {out}")


def parse_labels(labels: str | None) -> list[dict[str, Any]] | None:
    """Parse label sets such as ``"hair=black,blond male + expression=happy,sad"``.

    ``name=value,value`` is an attribute with several values, a single name is a binary attribute, and ``+`` starts another label set. Names
    and values with these characters or spaces are put in double quotes.
    """
    if labels is None:
        return None
    sets: list[dict[str, Any]] = []
    for part in split_unquoted(labels, "+"):
        words = [word for word in split_unquoted(part, " \t\n") if word]
        if not words:
            raise OptionError(
                f'--labels "{labels}" has an empty label set. Write, for example, "hair=black,blond male + expression=happy,sad".'
            )
        attributes: dict[str, Any] = {}
        for word in words:
            name, *values = split_unquoted(word, "=")
            name = unquote(name)
            if not name or name in attributes:
                raise OptionError(
                    f'--labels "{labels}": "{word}" {"is given twice" if name else "has no name"}. Write name=value,value, or a name alone.'
                )
            attributes[name] = tuple(split_list("=".join(values))) if values else bool
        sets.append(attributes)
    return sets


def _check_output_folder(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f'"{out}" {"is not empty" if out.is_dir() else "is a file"}. Choose a new folder for the model.')
