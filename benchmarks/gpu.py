"""Benchmark of all operators on a GPU, in one run of under eight minutes: first their values are compared, then their speed is measured.

    python benchmarks/gpu.py [--json FILE] [--only adain] [--budget 400]
    TRITON_INTERPRET=1 python benchmarks/gpu.py --dry    # the same on tiny maps, on a CPU, in Triton's interpreter; the times mean nothing

Values: each operator and memory format is compared with its definition in float64, on odd and on real sizes. Several processes compile in
parallel. If a value differs, the run ends.

Times: device time only. A series of calls is recorded once as a CUDA graph and replayed. The calls, and those of the copy, take turns on
more tensors than the cache holds. Bandwidth is given as a share of what copying a tensor of the same size reaches, and of what copying a
GiB reaches. Operators with a goal come first. Each row is printed and saved as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gpu_values import compare_all

GOALS = {
    ("adain", "copy", "forward"): 0.85,
    ("adain", "copy", "backward"): 0.85,
    ("adain + residual + relu", "eager", "forward"): 2.3,
    ("blur + noise + bias + lrelu", "3 kernels", "forward"): 2.0,
    ("noise + bias + lrelu", "2 kernels", "forward"): 1.8,
}
# The goal against torch.compile: as fast, with a tolerance of the measurement.
TIE = 0.97
# How many tensors of the size of x are read and written: in the forward pass, and in the backward pass with the saved tensors.
PASSES = {"adain": (2, 3), "adain + residual + relu": (3, 5)}


class Measurement(NamedTuple):
    """The settings at which one operator is measured."""

    subject: str
    layouts: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]


NORM_SIZES = ((8, 256, 64, 64), (16, 64, 128, 128), (16, 256, 32, 32), (4, 64, 256, 256), (1, 256, 64, 64))
LAYER_SIZES = ((16, 512, 32, 32), (16, 512, 64, 64), (16, 256, 128, 128), (16, 128, 256, 256))
MEASUREMENTS = (
    Measurement("adain", ("NCHW", "channels_last"), NORM_SIZES, ("bfloat16", "float32")),
    Measurement("adain + residual + relu", ("NCHW", "channels_last"), NORM_SIZES[:3], ("bfloat16",)),
    Measurement("blur + noise + bias + lrelu", ("channels_last", "NCHW"), LAYER_SIZES[1:], ("bfloat16",)),
    Measurement("noise + bias + lrelu", ("channels_last", "NCHW"), LAYER_SIZES[1:], ("bfloat16",)),
    Measurement("bias_act", ("channels_last", "NCHW"), LAYER_SIZES[1:3], ("bfloat16",)),
    Measurement("up2", ("channels_last", "NCHW"), LAYER_SIZES[:3], ("bfloat16",)),
    Measurement("down2", ("channels_last", "NCHW"), LAYER_SIZES[1:], ("bfloat16",)),
    Measurement("blur", ("channels_last", "NCHW"), LAYER_SIZES[1:], ("bfloat16",)),
    Measurement("modulated_conv", ("channels_last",), ((16, 512, 32, 32),), ("bfloat16",)),
)
# Total bytes of the tensors that the calls take turns on: several times the L2 cache of a GPU.
COLD_BYTES = 2**27


def main() -> int:
    arguments = parse_arguments()
    if arguments.dry:
        os.environ.setdefault("I2IKIT_OPS", "triton")
        if os.environ.get("TRITON_INTERPRET") != "1":
            print("error: --dry requires TRITON_INTERPRET=1. Set it before Python starts.")
            return 2
    import torch

    if not arguments.dry and not torch.cuda.is_available():
        print("error: no GPU was found. Use --dry to try the script without one.")
        return 2
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # TF32 would leave the float32 convolutions with three digits
    start, device = time.monotonic(), torch.device("cpu" if arguments.dry else "cuda")
    machine = describe_machine(device)
    print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    sys.stdout.flush()
    subjects = [each.subject for each in MEASUREMENTS if arguments.only is None or each.subject in arguments.only]
    workers = (0 if arguments.dry else min(8, os.cpu_count() or 1)) if arguments.workers is None else arguments.workers
    completed: list[str] = []
    wrong = list(compare_all(subjects, device, start + arguments.values, workers, completed, dry=arguments.dry))
    report: dict[str, Any] = {"machine": machine, "compared": completed, "wrong": wrong, "rows": [], "missed": []}
    save(arguments.json, report)
    summary = f"equal to the definitions in float64: {', '.join(completed)}" if completed else "no comparison was completed"
    print(f"values: {'WRONG' if wrong else summary} ({time.monotonic() - start:.0f} s)")
    if wrong:
        print("\n".join(wrong))
        return 1
    report["copy_bytes_per_second"] = bandwidth = measure_copy_bandwidth(device, dry=arguments.dry)
    print(f"copy of a GiB: {bandwidth / 1e12:.3f} TB/s", flush=True)
    for row in measure_all(device, start + arguments.budget, start + arguments.end, subjects, dry=arguments.dry):
        lines = list(format_row(row, bandwidth))
        print("\n".join(lines), flush=True)
        report["rows"].append(row)
        report["missed"] += [line for line in lines if "MISSED" in line]
        save(arguments.json, report)
    failed = sum("error" in row for row in report["rows"])
    print(f"{len(report['missed'])} goals missed, {failed} rows failed, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


def save(file: str | None, report: dict[str, Any]) -> None:
    """Write the report. The file is replaced as a whole, so that it is complete at any time."""
    if file:
        draft = Path(f"{file}.tmp")
        draft.write_text(json.dumps(report, indent=1) + "\n")
        draft.replace(file)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="Write all numbers to this file, again after each row.")
    parser.add_argument("--values", type=float, default=150, help="Seconds after which no further values are compared (default: 150).")
    parser.add_argument("--budget", type=float, default=400, help="Seconds after which torch.compile is no longer measured (default: 400).")
    parser.add_argument("--end", type=float, default=440, help="Seconds after which nothing more is measured (default: 440).")
    parser.add_argument(
        "--workers", type=int, help="Number of processes that compare values; 0: no extra process (default: 8, or 0 with --dry)."
    )
    parser.add_argument(
        "--only", action="append", choices=[each.subject for each in MEASUREMENTS], help="Measure this operator only. Can be repeated."
    )
    parser.add_argument("--dry", action="store_true", help="Run on tiny maps, on a CPU, in Triton's interpreter.")
    return parser.parse_args()


def describe_machine(device: Any) -> dict[str, str]:
    import torch
    import triton

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    name = "none" if device.type == "cpu" else torch.cuda.get_device_name(device)
    versions = f"torch {torch.__version__}, triton {triton.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    return {"GPU": name, "versions": versions, "commit": commit or "none"}


def measure_copy_bandwidth(device: Any, *, dry: bool) -> float:
    import torch

    from i2ikit.ops.timing import measure_medians

    source = torch.zeros(2**16 if dry else 2**28, device=device)
    target = torch.empty_like(source)
    seconds = measure_medians({"copy": lambda: target.copy_(source)}, device, repeats=3 if dry else 15)["copy"]
    return 2 * source.numel() * source.element_size() / seconds


def record_graph(call: Callable[[], object]) -> Callable[[], object]:
    """Return a function that replays the device work of a call."""
    import torch

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def order_jobs(subjects: list[str]) -> list[tuple[str, str, str, tuple[int, ...]]]:
    """Return what is measured, in order: operators with a goal, then the default layout and dtype of each other operator, then the rest."""
    goals = {subject for subject, *_ in GOALS}
    jobs = [
        ((each.subject not in goals or bool(turn), turn + other), (each.subject, layout, dtype, size))
        for each in MEASUREMENTS
        if each.subject in subjects
        for other, dtype in enumerate(each.dtypes)
        for turn, layout in enumerate(each.layouts)
        for size in each.sizes
    ]
    return [job for _, job in sorted(jobs, key=lambda each: each[0])]


def measure_all(device: Any, deadline: float, end: float, subjects: list[str], *, dry: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for each measurement as soon as it is made. A row that fails holds its error, and the next one follows."""
    import torch

    from i2ikit.ops.bench import measure

    jobs = order_jobs(subjects)
    if dry:
        jobs = list(dict.fromkeys((subject, layout, dtype, (1, 4, 8, 8)) for subject, layout, dtype, _ in jobs if dtype == "bfloat16"))
    for index, (subject, layout, dtype, size) in enumerate(jobs):
        if time.monotonic() > end:
            print(f"{len(jobs) - index} rows skipped: out of time", flush=True)
            return
        compiled = not dry and time.monotonic() < deadline
        row: dict[str, Any] = {"subject": subject, "layout": layout, "size": list(size), "dtype": dtype, "compiled": compiled}
        options = (
            {"repeats": 1, "cold_bytes": 1024}
            if dry
            else {"repeats": 9, "compiled": compiled, "prepare": record_graph, "cold_bytes": COLD_BYTES}
        )
        try:
            rows = list(measure(device, sizes=[size], dtype=getattr(torch, dtype), layouts=[layout], only=[subject], **options))
        except Exception as error:  # noqa: BLE001 - a compiler or a driver can raise anything
            cause = (str(error).strip().splitlines() or [""])[0][:200]
            yield row | {"error": f"{type(error).__name__}: {cause}"}
            if "CUDA error" in str(error):
                print(f"{len(jobs) - index - 1} rows skipped: the device cannot be used after a CUDA error", flush=True)
                return
            continue
        forward, both = (each.seconds for each in rows)
        row |= {"refused": rows[0].refused, "forward": forward, "forward + backward": both}
        yield row | {"backward": {name: max(both[name] - forward[name], 1e-9) for name in both}}
        if not dry:
            torch.cuda.empty_cache()


def format_row(row: dict[str, Any], bandwidth: float) -> Iterator[str]:
    """Yield a line for each direction, with the goals that were missed."""
    start = f"{row['subject']:28} {row['layout']:14} {row['size']!s:22} {row['dtype']:9}"
    if "error" in row:
        yield f"{start} FAILED {row['error']}"
        return
    element_size = {"float32": 4, "bfloat16": 2}[row["dtype"]]
    count = element_size * row["size"][0] * row["size"][1] * row["size"][2] * row["size"][3]
    for index, direction in enumerate(("forward", "backward")):
        own = row[direction]["i2ikit"]
        parts = [f"{1e6 * own:8.1f} us"]
        if row["subject"] in PASSES:
            # A copy of x reads it and writes it: two passes.
            share = PASSES[row["subject"]][index] / 2 * row["forward"]["copy"] / own
            share_of_gib = PASSES[row["subject"]][index] * count / own / bandwidth
            parts.append(f"{share:.0%} of copying x{compare_with_goal(row, 'copy', direction, share)} ({share_of_gib:.0%} of a GiB)")
        for baseline, seconds in row[direction].items():
            if baseline not in {"i2ikit", "copy"}:
                ratio = seconds / own
                parts.append(f"x{ratio:.2f} {baseline}{compare_with_goal(row, baseline, direction, ratio)}")
        parts += [f"{name} not timed: it {reason}" for name, reason in row["refused"].items()]
        parts += [] if row["compiled"] else ["torch.compile not measured"]
        yield f"{start} {direction:9} " + ", ".join(parts)


def compare_with_goal(row: dict[str, Any], baseline: str, direction: str, value: float) -> str:
    if baseline == "torch.compile":
        return "" if value >= TIE else " MISSED x1"
    goal = GOALS.get((row["subject"], baseline, direction))
    # The goal of the bandwidth is for planes that fit into registers, in a number that fills the GPU.
    batch, channels, height, width = row["size"]
    if goal is None or (baseline == "copy" and (row["layout"] != "NCHW" or height * width > 128 * 128 or batch * channels < 264)):
        return ""
    return "" if value >= goal else f" MISSED {goal:g}"


if __name__ == "__main__":
    sys.exit(main())
