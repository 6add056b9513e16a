"""The whole table of the operators on a GPU, in one run of under eight minutes: what they compute first, then how fast.

    python benchmarks/gpu.py [--json FILE] [--only adain] [--budget 400]
    TRITON_INTERPRET=1 python benchmarks/gpu.py --dry    # the same on tiny maps, on a CPU, in Triton's interpreter; the times mean nothing

Every operator and memory format is compared with its definition in float64, on odd and on real sizes, by processes that compile side by
side; one that differs ends the run. Times are of the device alone: a row of calls is recorded once as a CUDA graph and replayed. The calls,
and those of the copy, take turns on so many tensors that no cache holds them. Bandwidth is a share of what copying a tensor of the same
bytes reaches, and of what a GiB does. What has a goal comes first; each row is printed and kept as it comes, and what is left out for want
of time is said.
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

from gpu_values import compared

GOALS = {
    ("adain", "copy", "forward"): 0.85,
    ("adain", "copy", "backward"): 0.85,
    ("adain + residual + relu", "eager", "forward"): 2.3,
    ("blur + noise + bias + lrelu", "3 kernels", "forward"): 2.0,
    ("noise + bias + lrelu", "2 kernels", "forward"): 1.8,
}
TIE = 0.97
# Tensors that a pass reads and writes, of the size of x: forward, and backward with what the forward pass kept.
PASSES = {"adain": (2, 3), "adain + residual + relu": (3, 5)}


class Plan(NamedTuple):
    """What is measured of one operator."""

    subject: str
    layouts: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]


NORMS = ((8, 256, 64, 64), (16, 64, 128, 128), (16, 256, 32, 32), (4, 64, 256, 256), (1, 256, 64, 64))
LAYERS = ((16, 512, 32, 32), (16, 512, 64, 64), (16, 256, 128, 128), (16, 128, 256, 256))
PLANS = (
    Plan("adain", ("NCHW", "channels_last"), NORMS, ("bfloat16", "float32")),
    Plan("adain + residual + relu", ("NCHW", "channels_last"), NORMS[:3], ("bfloat16",)),
    Plan("blur + noise + bias + lrelu", ("channels_last", "NCHW"), LAYERS[1:], ("bfloat16",)),
    Plan("noise + bias + lrelu", ("channels_last", "NCHW"), LAYERS[1:], ("bfloat16",)),
    Plan("bias_act", ("channels_last", "NCHW"), LAYERS[1:3], ("bfloat16",)),
    Plan("up2", ("channels_last", "NCHW"), LAYERS[:3], ("bfloat16",)),
    Plan("down2", ("channels_last", "NCHW"), LAYERS[1:], ("bfloat16",)),
    Plan("blur", ("channels_last", "NCHW"), LAYERS[1:], ("bfloat16",)),
    Plan("modulated_conv", ("channels_last",), ((16, 512, 32, 32),), ("bfloat16",)),
)
# Bytes that tensors have together before calls use the first ones again: several times the L2 cache of a GPU.
COLD = 2**27


def main() -> int:
    given = arguments()
    if given.dry:
        os.environ.setdefault("I2IKIT_OPS", "triton")
        if os.environ.get("TRITON_INTERPRET") != "1":
            print("error: set TRITON_INTERPRET=1 for --dry; Triton reads it when it is imported.")
            return 2
    import torch

    if not given.dry and not torch.cuda.is_available():
        print("error: there is no GPU here. --dry tries the script without one.")
        return 2
    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # or the convolutions in float32 have three digits
    start, device = time.monotonic(), torch.device("cpu" if given.dry else "cuda")
    described = machine(device)
    print("\n".join(f"{name}: {value}" for name, value in described.items()))
    sys.stdout.flush()
    subjects = [plan.subject for plan in PLANS if given.only is None or plan.subject in given.only]
    workers = (0 if given.dry else min(8, os.cpu_count() or 1)) if given.workers is None else given.workers
    whole: list[str] = []
    wrong = list(compared(subjects, device, start + given.values, workers, whole, dry=given.dry))
    found: dict[str, Any] = {"machine": described, "compared": whole, "wrong": wrong, "rows": [], "missed": []}
    keep(given.json, found)
    equal = f"{', '.join(whole) or 'nothing'} compared whole with the definitions in float64{', and equal' if whole else ''}"
    print(f"values: {'WRONG' if wrong else equal} ({time.monotonic() - start:.0f} s)")
    if wrong:
        print("\n".join(wrong))
        return 1
    found["copy_bytes_per_second"] = bandwidth = copy_bandwidth(device, dry=given.dry)
    print(f"copy of a GiB: {bandwidth / 1e12:.3f} TB/s", flush=True)
    for row in measured(device, start + given.budget, start + given.end, subjects, dry=given.dry):
        lines = list(report(row, bandwidth))
        print("\n".join(lines), flush=True)
        found["rows"].append(row)
        found["missed"] += [line for line in lines if "MISSED" in line]
        keep(given.json, found)
    failed = sum("error" in row for row in found["rows"])
    print(f"{len(found['missed'])} of the goals missed, {failed} rows failed, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


def keep(file: str | None, found: dict[str, Any]) -> None:
    """Write what was found so far; whoever reads the file, or ends the run, never sees half of it."""
    if file:
        beside = Path(f"{file}.tmp")
        beside.write_text(json.dumps(found, indent=1) + "\n")
        beside.replace(file)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="write all numbers to a file, again after each row")
    parser.add_argument("--values", type=float, default=150, help="seconds after which no more values are compared")
    parser.add_argument("--budget", type=float, default=400, help="seconds after which nothing more is compiled by torch.compile")
    parser.add_argument("--end", type=float, default=440, help="seconds after which nothing more is timed")
    parser.add_argument("--workers", type=int, help="processes that compare values; 0: this one (default: 8, or 0 with --dry)")
    parser.add_argument(
        "--only", action="append", choices=[plan.subject for plan in PLANS], help="one operator; may be given several times"
    )
    parser.add_argument("--dry", action="store_true", help="tiny maps on a CPU in Triton's interpreter")
    return parser.parse_args()


def machine(device: Any) -> dict[str, str]:
    import torch
    import triton

    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    name = "none" if device.type == "cpu" else torch.cuda.get_device_name(device)
    versions = f"torch {torch.__version__}, triton {triton.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}"
    return {"GPU": name, "versions": versions, "commit": commit or "none"}


def copy_bandwidth(device: Any, *, dry: bool) -> float:
    import torch

    from i2ikit.ops.timing import medians

    source = torch.zeros(2**16 if dry else 2**28, device=device)
    target = torch.empty_like(source)
    seconds = medians({"copy": lambda: target.copy_(source)}, device, repeats=3 if dry else 15)["copy"]
    return 2 * source.numel() * source.element_size() / seconds


def recorded(call: Callable[[], object]) -> Callable[[], object]:
    """Return what replays on the device all that a call starts there."""
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


def ordered(subjects: list[str]) -> list[tuple[str, str, str, tuple[int, ...]]]:
    """Give what is timed, in order: what has a goal, each operator's usual layout and dtype, then the rest."""
    goals = {subject for subject, *_ in GOALS}
    jobs = [
        ((plan.subject not in goals or bool(turn), turn + other), (plan.subject, layout, kind, size))
        for plan in PLANS
        if plan.subject in subjects
        for other, kind in enumerate(plan.dtypes)
        for turn, layout in enumerate(plan.layouts)
        for size in plan.sizes
    ]
    return [job for _, job in sorted(jobs, key=lambda each: each[0])]


def measured(device: Any, deadline: float, end: float, subjects: list[str], *, dry: bool) -> Iterator[dict[str, Any]]:
    """Give a row for each thing timed as soon as it is; one that fails has its error, and the next one follows."""
    import torch

    from i2ikit.ops.bench import measure

    jobs = ordered(subjects)
    if dry:
        jobs = list(dict.fromkeys((subject, layout, kind, (1, 4, 8, 8)) for subject, layout, kind, _ in jobs if kind == "bfloat16"))
    for index, (subject, layout, kind, size) in enumerate(jobs):
        if time.monotonic() > end:
            print(f"{len(jobs) - index} rows left out, for want of time", flush=True)
            return
        compiled = not dry and time.monotonic() < deadline
        row: dict[str, Any] = {"subject": subject, "layout": layout, "size": list(size), "dtype": kind, "compiled": compiled}
        options = {"repeats": 1, "cold": 1024} if dry else {"repeats": 9, "compiled": compiled, "prepare": recorded, "cold": COLD}
        try:
            rows = list(measure(device, sizes=[size], dtype=getattr(torch, kind), layouts=[layout], only=[subject], **options))
        except Exception as error:  # noqa: BLE001 - a compiler or a driver can raise anything
            cause = (str(error).strip().splitlines() or [""])[0][:200]
            yield row | {"error": f"{type(error).__name__}: {cause}"}
            if "CUDA error" in str(error):
                print(f"{len(jobs) - index - 1} rows left out: after such an error the device takes no more work", flush=True)
                return
            continue
        forward, both = (each.seconds for each in rows)
        row |= {"refused": rows[0].refused, "forward": forward, "forward + backward": both}
        yield row | {"backward": {name: max(both[name] - forward[name], 1e-9) for name in both}}
        if not dry:
            torch.cuda.empty_cache()


def report(row: dict[str, Any], bandwidth: float) -> Iterator[str]:
    """Write a line for each direction, with the goals that it reaches or misses."""
    start = f"{row['subject']:28} {row['layout']:14} {row['size']!s:22} {row['dtype']:9}"
    if "error" in row:
        yield f"{start} FAILED {row['error']}"
        return
    bits = {"float32": 4, "bfloat16": 2}[row["dtype"]]
    count = bits * row["size"][0] * row["size"][1] * row["size"][2] * row["size"][3]
    for index, direction in enumerate(("forward", "backward")):
        own = row[direction]["i2ikit"]
        words = [f"{1e6 * own:8.1f} us"]
        if row["subject"] in PASSES:
            # A copy of x reads it and writes it: two passes.
            share = PASSES[row["subject"]][index] / 2 * row["forward"]["copy"] / own
            whole = PASSES[row["subject"]][index] * count / own / bandwidth
            words.append(f"{share:.0%} of copying x{compare_with_goal(row, 'copy', direction, share)} ({whole:.0%} of a GiB)")
        for rival, seconds in row[direction].items():
            if rival not in {"i2ikit", "copy"}:
                ratio = seconds / own
                words.append(f"x{ratio:.2f} {rival}{compare_with_goal(row, rival, direction, ratio)}")
        words += [f"{name} not timed: it {why}" for name, why in row["refused"].items()]
        words += [] if row["compiled"] else ["torch.compile left out"]
        yield f"{start} {direction:9} " + ", ".join(words)


def compare_with_goal(row: dict[str, Any], rival: str, direction: str, value: float) -> str:
    if rival == "torch.compile":
        return "" if value >= TIE else " MISSED x1"
    goal = GOALS.get((row["subject"], rival, direction))
    # The goal of the bandwidth is for planes that fit into registers and are enough to fill the machine.
    batch, channels, height, width = row["size"]
    if goal is None or (rival == "copy" and (row["layout"] != "NCHW" or height * width > 128 * 128 or batch * channels < 264)):
        return ""
    return "" if value >= goal else f" MISSED {goal:g}"


if __name__ == "__main__":
    sys.exit(main())
