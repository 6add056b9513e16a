"""The options that say what a data set is: its kind, its hold-out and its crop, the same for ``train`` and ``data check``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from i2ikit.errors import OptionError

KINDS = ("labelled", "unpaired", "paired", "images", "glued")


class Crop(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """The side of a centre crop, or a random crop: ``256``, ``random:256``, ``random:256x192``."""

    name = "crop"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return a side in pixels, or the text of a random crop."""
        text = str(value).strip().lower()
        if text.isdecimal() and int(text) >= 1:
            return int(text)
        kind, _, size = text.partition(":")
        sides = size.split("x")
        if kind == "random" and len(sides) <= 2 and all(side.isdecimal() and int(side) >= 1 for side in sides):
            return text
        raise OptionError(f'--crop "{value}" is not a crop. Write a side in pixels, such as --crop 178, or --crop random:256.')


def add_data_options(command: Callable[..., Any], *, repeated: bool = False) -> Callable[..., Any]:
    """Add ``--kind``, ``--holdout`` and ``--crop`` to a command.

    Args:
        command: The command.
        repeated: Whether there may be several data sets, each with its kind.
    """
    each = " Give it once, or once for each --data." if repeated else ""
    add_kind = click.option(
        "--kind",
        "--batch-kind",
        "kinds" if repeated else "batch_kind",
        type=click.Choice(KINDS),
        multiple=repeated,
        help=f"What the images are; glued images hold a pair side by side. Default: found from folders and tables.{each}",
    )
    add_holdout = click.option(
        "--holdout",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="SHARE",
        help="Share of the images for the test split. Default: 0.1 if there are no folders train and test, else 0.",
    )
    add_crop = click.option(
        "--crop",
        type=Crop(),
        metavar="PIXELS",
        help="Crop a centred square of this side before resizing; random:256 crops it at a random place of the whole image in training.",
    )
    return add_kind(add_holdout(add_crop(command)))


def get_kind(kinds: Sequence[str], index: int, count: int) -> str | None:
    """Return the kind of one of several data sets, as the user gave it; None if the user gave none.

    Raises:
        OptionError: The number of kinds is neither one nor that of the data sets.
    """
    if len(kinds) not in (0, 1, count):
        raise OptionError(f"Found {count} --data and {len(kinds)} --kind. Give --kind once, or once for each --data, in this order.")
    return kinds[index if len(kinds) > 1 else 0] if kinds else None
