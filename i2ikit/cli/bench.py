"""``i2ikit bench``: benchmarks of the operators on this machine."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click

from i2ikit.cli.output import echo
from i2ikit.errors import format_count


@click.group()
def bench() -> None:
    """Benchmark parts of the library on this machine."""


@bench.command("ops")
@click.option("--only", multiple=True, metavar="NAME", help="Benchmark only this operator. Can be repeated.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    nargs=4,
    type=click.IntRange(min=1),
    metavar="B C H W",
    help="Shape of the feature maps. Can be repeated. Default: five shapes.",
)
@click.option(
    "--memory-format",
    "layouts",
    multiple=True,
    type=click.Choice(["NCHW", "channels_last"]),
    help="Memory format of the feature maps. Can be repeated. Default: both.",
)
@click.option("--dtype", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32", show_default=True, help="Data type.")
@click.option("--device", help="Device such as cpu or cuda. Default: the accelerator, or the CPU if there is none.")
@click.option("--threads", type=click.IntRange(min=1), help="Number of CPU threads.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Number of measurements of each implementation. The median is reported.",
)
@click.option(
    "--compile", "compiled", is_flag=True, help="Also benchmark torch.compile of the reference implementations. This takes minutes."
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all numbers to this JSON file.")
def bench_ops(
    only: tuple[str, ...],
    sizes: tuple[tuple[int, int, int, int], ...],
    layouts: tuple[str, ...],
    dtype: str,
    device: str | None,
    threads: int | None,
    repeats: int,
    compiled: bool,
    file: Path | None,
) -> None:
    """Compare the speed of each operator with other implementations and with a copy of its bytes.

    An implementation is timed only if its values agree with the reference implementation. "faster" is the speedup of the operator over the
    other implementation: the geometric mean over the sizes. "worst size" is the smallest speedup, in percent of this mean.
    """
    import torch

    from i2ikit import tune_cpu
    from i2ikit.core.device import accelerator, find_device
    from i2ikit.ops.bench import LAYOUTS, SIZES, format_table, measure

    if threads is not None:
        torch.set_num_threads(threads)
    where = find_device(device) if device else accelerator() or torch.device("cpu")
    allocator = tune_cpu() or "keeps large allocations"
    threads_used = format_count(torch.get_num_threads(), "thread")
    machine = f"{platform.machine()}, torch {torch.__version__}, {threads_used}, allocator: {allocator}"
    echo(f"{where.type}, {dtype}: {machine}")
    rows = []
    options = {"sizes": sizes or SIZES, "layouts": layouts or tuple(LAYOUTS), "only": only, "repeats": repeats, "compiled": compiled}
    for row in measure(where, dtype=getattr(torch, dtype), **options):  # type: ignore[arg-type]
        rows.append(row)
        times = ", ".join(f"{name} {1000 * seconds:.3g}" for name, seconds in row.seconds.items())
        echo(f"{row.subject}, {row.layout}, {row.direction}, {list(row.size)}: {times} ms", err=True)
        for name, why in row.refused.items():
            echo(f"  {name} was not timed: {why}", colour="yellow", err=True)
    for line in format_table(rows):
        echo(line)
    if file is not None:
        file.write_text(
            json.dumps({"machine": machine, "device": str(where), "dtype": dtype, "rows": [row._asdict() for row in rows]}, indent=1) + "\n"
        )
