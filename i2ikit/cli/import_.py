"""``i2ikit import``: a model from the weights of an original repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from i2ikit.errors import OptionError


@click.command("import")
@click.argument("system")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--generator", type=click.Path(path_type=Path), help="The generator's file.")
@click.option("--discriminator", type=click.Path(path_type=Path), help="The discriminator's file.")
@click.option("--labels", help="What the label entries mean: 'hair=black,blond,brown male young'; ' + ' begins another label set.")
@click.option("--size", type=click.IntRange(min=1), help="Pixels of a side, where the files do not say.")
def import_(system: str, out: Path, generator: Path | None, discriminator: Path | None, labels: str | None, size: int | None) -> None:
    """Convert original weights of SYSTEM, such as stargan, into the model folder OUT.

    OUT is a new folder for a model of i2ikit: `i2ikit translate OUT ...` and `i2ikit.load` read it. A network whose file is not given has
    random weights, and is named.

    \b
    i2ikit import stargan --generator 200000-G.ckpt --discriminator 200000-D.ckpt \\
        --labels "hair=black,blond,brown male young" models/celeba
    """  # noqa: D301 - click wants the backspace itself, which ends wrapping
    from i2ikit import import_official

    given: dict[str, Any] = {"generator": generator, "discriminator": discriminator, "labels": declared(labels), "size": size}
    _refuse_used(out)
    if generator is None and discriminator is None:
        raise OptionError("There is no file to import. Give the weights: --generator FILE, --discriminator FILE, or both.")
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
