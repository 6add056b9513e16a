"""Benchmark of one training step of each system at its paper's size on the CPU, against plain torch modules with the original steps.

    python benchmarks/steps.py [--only munit] [--size 128] [--repeats 5] [--threads 1] [--json FILE]

First both make two steps in float64 from the same weights, images and random draws. A system whose parameters then differ is not timed.
Afterwards both are timed in alternation in one process, and the median is reported. The step before is a warm-up, whose losses must agree.
With one thread the ratio is that of the processor time, which other processes influence less; with more threads it is that of the wall
time. Peak memory is the largest resident set size (getrusage) of a new process that makes two steps of one of them. bf16 is autocast.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from eager import CycleGAN, Pix2Pix
from eager_munit import MUNIT

from i2ikit import Model, build, tune_cpu
from i2ikit_cyclegan.official import export_official as export_cyclegan
from i2ikit_munit.official import export_official as export_munit
from i2ikit_pix2pix.official import export_official as export_pix2pix

Step = Callable[[], Mapping[str, torch.Tensor]]


class System(NamedTuple):
    """A system to measure.

    Attributes:
        recipe, overrides: Arguments of ``build``.
        plain: The class of the same system in plain torch.
        export: Function that returns the weights of a model under the original's names.
        batch_keys: Keys of a batch, or names of the domains.
        sizes: Sides of the images in pixels; the first is that of the paper.
        checked_size: Side of the images for the comparison in float64.
        goals: Required speed-up over the plain system, by dtype.
    """

    recipe: str
    overrides: Mapping[str, Any]
    plain: Any
    export: Callable[[Model], Any]
    batch_keys: tuple[str, str]
    sizes: tuple[int, ...]
    checked_size: int
    goals: Mapping[str, float]


_MUNIT = System("munit", {}, MUNIT, export_munit, ("a", "b"), (256, 128), 128, {"float32": 1.15, "bfloat16": 1.9})
SYSTEMS = {
    "cyclegan": System(
        "cyclegan", {"generator": {"blocks": 9}}, CycleGAN, export_cyclegan, ("horse", "zebra"), (256,), 128,
        {"float32": 1.1, "bfloat16": 1.9},
    ),
    "munit": _MUNIT,
    "munit-official": _MUNIT._replace(overrides={"official": True}, goals={}),
    "pix2pix": System("pix2pix", {"generator": {"dropout": 0.0}}, Pix2Pix, export_pix2pix, ("image", "target"), (256,), 256, {}),
}  # fmt: skip
CHECKED_STEPS = 2
TOLERANCE = {"float64": 1e-9, "float32": 1e-3, "bfloat16": 5e-2}


def build_pair(system: System, size: int, dtype: torch.dtype = torch.float32) -> tuple[Model, Any, Step, Step]:
    """Return the model and the same system in plain torch, and for each a function that makes a step on the same images and draws."""
    torch.manual_seed(0)
    model = build(system.recipe, size=size, rehearsal=False, **system.overrides)
    plain = system.plain(system.export(model)).to(dtype)
    return model.to(dtype), plain, *(make_steps(system, model, plain, size, dtype))


def make_steps(system: System, model: Model | None, plain: Any, size: int, dtype: torch.dtype) -> tuple[Step, Step]:
    generator = torch.Generator().manual_seed(1)
    batch = {name: (torch.rand(1, 3, size, size, generator=generator) * 2 - 1).to(dtype) for name in system.batch_keys}
    draws, styles = {}, ()
    if system.plain is MUNIT:
        one, other = torch.randn(2, 1, 8, generator=generator).to(dtype)
        styles = ({"a": one, "b": other},)
        players = ("discriminator/", "translator/") if system.overrides.get("official") else ("",)
        draws = {f"{player}{way}/style": style for player in players for way, style in (("b_to_a", one), ("a_to_b", other))}
    elif system.plain is CycleGAN:
        draws = {"pool/chance": torch.zeros(1), "pool/place": torch.zeros(1)}
    own = batch if system.plain is Pix2Pix else {"images": batch}
    return (lambda: model.step(own, draws=draws)), (lambda: plain.step(batch, *styles))


def find_differences(system: System) -> list[str]:
    """Make steps of both in float64 and return which losses and parameters differ."""
    model, plain, ours, theirs = build_pair(system, system.checked_size, torch.float64)
    wrong = []
    for _ in range(CHECKED_STEPS):
        wrong += find_unequal_losses(ours(), theirs(), "float64")
    mine, other = flatten(system.export(model)), flatten(plain.states())
    trained = [key for key in mine if "running" not in key and "num_batches" not in key]
    for key in trained:
        difference = float((mine[key] - other[key]).abs().max())
        if not difference <= TOLERANCE["float64"]:
            wrong.append(f"{key} by {difference:.2g}")
    return wrong


def find_unequal_losses(ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor], dtype: str) -> list[str]:
    wrong = [f"{name} exists in only one of them" for name in ours.keys() ^ theirs.keys()]
    for name in ours.keys() & theirs.keys():
        one, other = float(ours[name]), float(theirs[name])
        if not abs(one - other) <= TOLERANCE[dtype] * abs(other):
            wrong.append(f"{name} is {one:.6g}, expected {other:.6g}")
    return wrong


def flatten(states: Mapping[str, Any], before: str = "") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for key, value in states.items():
        found |= {f"{before}{key}": value} if isinstance(value, torch.Tensor) else flatten(value, f"{before}{key}/")
    return found


def time_step(step: Step, dtype: str) -> tuple[float, float, Mapping[str, torch.Tensor]]:
    """Return processor seconds, wall seconds and the losses of a step."""
    processor, wall = time.process_time(), time.perf_counter()
    with make_autocast(dtype):
        losses = step()
    return time.process_time() - processor, time.perf_counter() - wall, losses


def make_autocast(dtype: str) -> Any:
    return nullcontext() if dtype == "float32" else torch.autocast("cpu", dtype=getattr(torch, dtype))


def measure(name: str, size: int, dtype: str, repeats: int, memory: bool) -> dict[str, Any]:
    """Time both in alternation, then measure the memory of each."""
    system = SYSTEMS[name]
    _, _, ours, theirs = build_pair(system, size)
    kinds = {"ours": ours, "eager": theirs}
    first = {kind: time_step(step, dtype)[2] for kind, step in kinds.items()}
    wrong = find_unequal_losses(first["ours"], first["eager"], dtype)
    if wrong:
        return {"system": name, "size": size, "dtype": dtype, "refused": wrong}
    seconds: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for turn in range(repeats):
        for kind in sorted(kinds, reverse=bool(turn % 2)):
            seconds[kind].append(time_step(kinds[kind], dtype)[:2])
    del ours, theirs, kinds
    clock = 0 if torch.get_num_threads() == 1 else 1
    row: dict[str, Any] = {"system": name, "size": size, "dtype": dtype, "repeats": repeats, "clock": ("processor", "wall")[clock]}
    for kind, taken in seconds.items():
        row |= {f"{kind}_seconds": statistics.median(each[clock] for each in taken), f"{kind}_all": [each[clock] for each in taken]}
    row["ratio"] = row["eager_seconds"] / row["ours_seconds"]
    if memory:
        row |= {f"{kind}_mib": measure_peak(name, kind, size, dtype) for kind in ("ours", "eager")}
    if goal := system.goals.get(dtype) if size == system.sizes[0] else None:
        row["goal"] = goal
    return row


def measure_peak(name: str, kind: str, size: int, dtype: str) -> float:
    """Return the largest resident set size in MiB of a new process that makes two steps."""
    command = [sys.executable, __file__, "--peak", kind, "--only", name, "--size", str(size), "--dtype", dtype]
    command += ["--threads", str(torch.get_num_threads())]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_peak(name: str, kind: str, size: int, dtype: str) -> None:
    system = SYSTEMS[name]
    torch.manual_seed(0)
    model: Model | None = build(system.recipe, size=size, rehearsal=False, **system.overrides)
    plain = None
    if kind == "eager":
        plain, model = system.plain(system.export(model)), None
    step = make_steps(system, model, plain, size, torch.float32)[kind == "eager"]
    for _ in range(2):
        time_step(step, dtype)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def explain_missing_bfloat16() -> str:
    """Return the reason why bf16 is not measured, or an empty string."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    return "" if any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16")) else "this processor has no bf16 instructions"


def main() -> int:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print_peak(arguments.only[0], arguments.peak, arguments.size[0], arguments.dtype[0])
        return 0
    allocator = tune_cpu() or "large allocations kept"
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {arguments.threads} threads"
    machine += f", allocator: {allocator}"
    print(f"{machine}, commit {commit}")
    rows = []
    for name in arguments.only or SYSTEMS:
        if wrong := find_differences(SYSTEMS[name]):
            rows.append({"system": name, "refused": wrong})
            print(format_row(rows[-1]), flush=True)
            continue
        for dtype in arguments.dtype or ("float32", "bfloat16"):
            for size in arguments.size or SYSTEMS[name].sizes:
                skipped = explain_missing_bfloat16() if dtype == "bfloat16" else ""
                skip = {"system": name, "size": size, "dtype": dtype, "skipped": skipped}
                rows.append(skip if skipped else measure(name, size, dtype, arguments.repeats, not arguments.no_memory))
                print(format_row(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "commit": commit, "rows": rows}, indent=1) + "\n")
    return 1 if any("refused" in row for row in rows) else 0


def format_row(row: Mapping[str, Any]) -> str:
    head = f"{row['system']:15} {row.get('size', ''):>4} {row.get('dtype', ''):9}"
    if "refused" in row:
        return f"{head} not timed; found differences: {'; '.join(row['refused'][:5])}"
    if "skipped" in row:
        return f"{head} skipped: {row['skipped']}"
    line = f"{head} eager {row['eager_seconds']:7.3f} s, ours {row['ours_seconds']:7.3f} s: x{row['ratio']:.3f}"
    if "ours_mib" in row:
        line += f", peak {row['eager_mib']:.0f} and {row['ours_mib']:.0f} MiB"
    if "goal" in row:
        line += f" (goal x{row['goal']}{'' if row['ratio'] >= row['goal'] else ' MISSED'})"
    return line


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=SYSTEMS, help="Measure this system only. Can be repeated.")
    parser.add_argument("--size", action="append", type=int, help="Side of the images in pixels (default: that of the paper).")
    parser.add_argument("--dtype", action="append", choices=("float32", "bfloat16"), help="Precision (default: both).")
    parser.add_argument("--repeats", type=int, default=5, help="Number of timed steps of each; the median is reported (default: 5).")
    parser.add_argument("--threads", type=int, default=1, help="Number of threads (default: 1).")
    parser.add_argument("--no-memory", action="store_true", help="Do not measure memory.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write all numbers to this file.")
    parser.add_argument("--peak", choices=("ours", "eager"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
