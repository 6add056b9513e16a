"""``i2ikit data``: check a data set, or make the built-in data set."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from i2ikit.cli.data_options import add_data_options
from i2ikit.cli.file_options import add_file_options
from i2ikit.cli.option_names import name_options
from i2ikit.cli.options import check_colour
from i2ikit.cli.output import echo
from i2ikit.cli.progress_bar import show_tasks
from i2ikit.core.visible_text import make_visible
from i2ikit.errors import I2IKitError, format_count

if TYPE_CHECKING:
    from i2ikit.data import CheckReport


@click.group()
def data() -> None:
    """Check a data set, or make the built-in data set."""


@data.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--labels", help="Attributes to use, such as 'tone,gender'. Default: all.")
@click.option("--pairs", metavar="A,B", help="Direction of pairs, from A to B: two folders, or the halves of A|B images.")
@click.option("--background", metavar="COLOUR", callback=check_colour, help="Colour behind transparent pixels, such as white.")
@click.option("--channels", type=click.IntRange(1, 4), help="Number of channels to read. Required if the files differ.")
@add_data_options
@add_file_options
@click.pass_context
def check(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Open every file and report what the data holds, what is wrong with it, and how to train on it.

    The exit code is 2 if a file cannot be used.
    """
    from i2ikit.data import check as check_data

    given = {name: value for name, value in options.items() if value is not None}
    reports = []
    for path in paths:
        with show_tasks() as on_task:
            found = check_data(path, on_task=on_task, **given)
        problems = [(file, name_options(reason)) for file, reason in found.unreadable]
        reason = _find_duration(found.command) or found.reason
        report = evolve(found, notes=[name_options(note) for note in found.notes], reason=name_options(reason), unreadable=problems)
        reports.append(report)
        if len(reports) > 1:
            echo("")
        _print_tables(report) if sys.stdout.isatty() else echo(report.render())
    if not all(report.ok for report in reports):
        ctx.exit(2)


@data.group(short_help="Make the built-in data set of cartoon faces.")
def make() -> None:
    """Make the built-in data set."""


@make.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(min=1), default=1000, show_default=True, help="Number of faces.")
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Side of the images in pixels.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed. Different seeds give different faces.")
@click.option(
    "--views/--no-views",
    default=True,
    show_default=True,
    help="Also write sketches, segmentations, profiles, low-resolution images and masks.",
)
@click.option("--partial", is_flag=True, help="Leave one label set of each training face unknown.")
def faces(directory: Path, count: int, size: int, seed: int, views: bool, partial: bool) -> None:
    """Make images of cartoon faces and a table of their attributes in a new folder."""
    from i2ikit.data import faces as cartoon_faces

    folder = cartoon_faces.write_faces(directory, count, size, seed, views=views, partial=partial)
    echo(f"{format_count(count, 'face')} of {size}x{size} pixels in {folder}")
    echo(f"To check the data: i2ikit data check {shlex.quote(str(folder))}")


def _find_duration(command: str) -> str:
    """Return a sentence about the time of a training on the CPU; nothing if there is a GPU, whose steps are not measured, or no command."""
    from i2ikit.cli.training_time import describe_duration
    from i2ikit.data.train_command import has_gpu

    if not command or has_gpu():
        return ""
    try:
        with show_tasks() as on_task:
            on_task("Measuring the time of a step", 0, 1)
            return describe_duration(command)
    except I2IKitError:  # the check itself has its result
        return ""


def _print_tables(report: CheckReport) -> None:
    """Print a report as tables on a terminal, with the same words as its plain text."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from i2ikit.data import get_arrangement
    from i2ikit.data.check_report import fold_values

    console = Console(highlight=False)
    total = format_count(sum(report.images.values()), get_arrangement(report).unit)
    console.print(f"[bold]{escape(make_visible(report.path))}[/]: {report.batch_kind}, {total}", soft_wrap=True)
    console.print()
    splits = list(report.images)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title in ("", "", *splits):
        table.add_column(Text(make_visible(title)), justify="right" if title else "left")
    table.add_row("images", "", *(str(report.images[split]) for split in splits))
    for names in report.sets:
        table.add_section()
        for name in names:
            for index, (value, counts) in enumerate(fold_values(report.labels[name])):
                shown = Text(make_visible(value), style="dim" if value.startswith("(") else "cyan")
                table.add_row(
                    Text("" if index else make_visible(name), style="bold"), shown, *(str(counts.get(split, 0)) for split in splits)
                )
    console.print(table)
    console.print()
    for description, found in (("size (height x width)", report.sizes), ("mode", report.modes)):
        ordered = sorted(found.items(), key=lambda pair: -pair[1])
        more = f", {len(ordered) - 5} others" if len(ordered) > 5 else ""
        console.print(f"{description}: " + ", ".join(f"{name} ({count})" for name, count in ordered[:5]) + more, markup=False)
    console.print()
    rendered = make_visible(report.render()).splitlines()
    for line in rendered:
        bad = line.startswith(("unreadable", "other channels", "same content", "subjects in", "left out"))
        if bad or line.startswith(("note: ", "all images")):
            console.print(line, style="red" if bad else "green" if line.startswith("all") else "yellow", markup=False)
    console.print()
    if report.command:  # commands are not wrapped, so that they can be copied
        console.print(f"train with:\n  [bold]{escape(make_visible(report.command))}[/]", soft_wrap=True)
    if report.reason:
        console.print(make_visible(report.reason), markup=False, soft_wrap=True)
