"""``i2ikit import``: a model from the weights of an original repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from i2ikit.errors import OptionError

_FILES = {
    "folder": "The folder of an original's checkpoints, in place of single files.",
    "generator": "The generator's file.",
    "generator_a": "CycleGAN: that of the generator from A to B.",
    "generator_b": "CycleGAN: that of the generator from B to A.",
    "encoder": "BicycleGAN: that of the style encoder.",
    "discriminator": "The discriminator's file.",
    "discriminator_a": "CycleGAN: that of the discriminator that scores translations of A.",
    "discriminator_b": "CycleGAN: that of the discriminator that scores translations of B.",
    "discriminator_random": "BicycleGAN: that of the discriminator of drawn styles.",
}


def _files(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, description in reversed(_FILES.items()):
        command = click.option(f"--{name.replace('_', '-')}", type=click.Path(path_type=Path), help=description)(command)
    return command


@click.command("import")
@click.argument("system")
@click.argument("out", type=click.Path(path_type=Path))
@_files
@click.option("--epoch", help="Which checkpoint of a folder; the latest by default.")
@click.option("--labels", help="What the label entries mean: 'hair=black,blond,brown male young'; ' + ' begins another label set.")
@click.option("--domains", metavar="A,B", help="What the domains of CycleGAN, MUNIT and UNIT are called.")
@click.option("--size", type=click.IntRange(min=1), help="Pixels of a side, where the files do not say.")
@click.option("--dropout", type=click.FloatRange(min=0, max=1, max_open=True), help="pix2pix and CycleGAN: 0 draws without noise.")
@click.option("--style", type=click.IntRange(min=1), help="BicycleGAN: width of the style, where the files do not say.")
@click.option(
    "--source-channels", type=click.IntRange(min=1), help="pix2pix: channels of the sources, where there is a discriminator alone."
)
def import_(
    system: str, out: Path, epoch: str | None, labels: str | None, domains: str | None, size: int | None, dropout: float | None,
    style: int | None, source_channels: int | None, **files: Path | None,
) -> None:  # fmt: skip
    """Convert original weights of SYSTEM, such as stargan, into the model folder OUT.

    OUT is a new folder for a model of i2ikit: `i2ikit translate OUT ...` and `i2ikit.load` read it. A network whose file is not given has
    random weights, and is named.

    \b
    i2ikit import stargan --generator 200000-G.ckpt --discriminator 200000-D.ckpt \\
        --labels "hair=black,blond,brown male young" models/celeba
    i2ikit import cyclegan --folder checkpoints/horse2zebra --domains horse,zebra models/horses
    i2ikit import munit --generator gen_01000000.pt --domains edges,shoes models/shoes
    """  # noqa: D301 - click wants the backspace itself, which ends wrapping
    from i2ikit import import_official

    named = None if domains is None else tuple(name.strip() for name in domains.split(","))
    given: dict[str, Any] = {**files, "epoch": epoch, "labels": declared(labels), "domains": named, "size": size, "dropout": dropout}
    given |= {"style": style, "source_channels": source_channels}
    _refuse_used(out)
    if not any(files.values()):
        raise OptionError("There is no file to import. Give the weights: --generator FILE, --discriminator FILE, or --folder FOLDER.")
    model = import_official(system, **{name: value for name, value in given.items() if value is not None})
    model.save(out)
    click.echo(model.explain())
    click.echo(f"written to {out}")


def declared(labels: str | None) -> list[dict[str, Any]] | None:
    """Read label sets: ``"hair=black,blond male + expression=happy,sad"``, a group as name=values and yes-or-no attributes by name."""
    if labels is None:
        return None
    sets: list[dict[str, Any]] = []
    for part in labels.split("+"):
        words = part.split()
        if not words:
            raise OptionError(f'--labels "{labels}" has an empty label set. Write "hair=black,blond male + expression=happy,sad".')
        attributes: dict[str, Any] = {}
        for word in words:
            name, equals, values = word.partition("=")
            if not name or name in attributes:
                raise OptionError(
                    f'--labels "{labels}": "{word}" {"is given twice" if name else "has no name"}. Write name=value,value or name.'
                )
            attributes[name] = tuple(each for each in values.split(",") if each) if equals else bool
        sets.append(attributes)
    return sets


def _refuse_used(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OptionError(f'"{out}" {"is not empty" if out.is_dir() else "is a file"}. Name a new folder for the model.')
