"""``i2ikit page RUN``: write the report page of a run again."""

from __future__ import annotations

from pathlib import Path

import click

from i2ikit.cli.output import echo


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def page(run: Path) -> None:
    """Write RUN/index.html: images, metrics, curves and configuration in one file that works offline."""
    from i2ikit.train.page import write_page

    echo(write_page(run))
