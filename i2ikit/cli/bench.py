"""``i2ikit bench``: how fast the operators are on this machine."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click


@click.group()
def bench() -> None:
    """Measure parts of the library on this machine."""


@bench.command("ops")
@click.option("--only", multiple=True, metavar="NAME", help="Measure this operator alone; may be given several times.")
@click.option(
    "--size", "sizes", multiple=True, nargs=4, type=click.IntRange(min=1), metavar="B C H W", help="Shape of the maps; five by default."
)
@click.option("--layout", "layouts", multiple=True, type=click.Choice(["NCHW", "channels_last"]), help="Both by default.")
@click.option("--dtype", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32", show_default=True)
@click.option("--device", help="An accelerator where there is one, by default.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the CPU.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=7, show_default=True, help="Turns of each implementation; the median counts."
)
@click.option("--compile", "compiled", is_flag=True, help="Measure torch.compile of the definitions too, which takes minutes.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write all numbers to a file.")
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
    """Measure each operator against its definition, plain torch, and a copy of the same bytes.

    Nothing is timed whose values differ. A ratio is how many times as fast as the other the operator is: the geometric mean over the sizes,
    and the worst size as a share of it.
    """
    import torch

    from i2ikit import tune_cpu
    from i2ikit.core.device import accelerator, find_device
    from i2ikit.ops.bench import LAYOUTS, SIZES, measure, table

    if threads is not None:
        torch.set_num_threads(threads)
    where = find_device(device) if device else accelerator() or torch.device("cpu")
    allocator = tune_cpu() or "large allocations kept"
    machine = f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads, allocator: {allocator}"
    click.echo(f"{where.type}, {dtype}: {machine}")
    rows = []
    options = {"sizes": sizes or SIZES, "layouts": layouts or tuple(LAYOUTS), "only": only, "repeats": repeats, "compiled": compiled}
    for row in measure(where, dtype=getattr(torch, dtype), **options):  # type: ignore[arg-type]
        rows.append(row)
        times = ", ".join(f"{name} {1000 * seconds:.3g}" for name, seconds in row.seconds.items())
        click.echo(f"{row.subject}, {row.layout}, {row.direction}, {list(row.size)}: {times} ms", err=True)
        for name, why in row.refused.items():
            click.secho(f"  {name} was not timed: it {why}", fg="yellow", err=True)
    for line in table(rows):
        click.echo(line)
    if file is not None:
        file.write_text(
            json.dumps({"machine": machine, "device": str(where), "dtype": dtype, "rows": [row._asdict() for row in rows]}, indent=1) + "\n"
        )
