"""The whole table of the operators on a GPU, in one run of under eight minutes: what they compute first, then how fast.

    python benchmarks/gpu.py [--json FILE] [--only adain] [--budget 400]
    TRITON_INTERPRET=1 python benchmarks/gpu.py --dry    # the same on tiny maps, on a CPU, in Triton's interpreter; the times mean nothing

Every operator and memory format is compared with its definition in float64, in three dtypes, on odd and on real sizes; one that differs
ends the run. Times are of the device alone: what a call starts is recorded once as a CUDA graph and replayed. Bandwidth is a share of what
copying a tensor of a GiB reaches on the same machine. The definitions are compiled until the budget of seconds is used up; what is left out
is said.
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
ODD = ((1, 1, 1, 5), (2, 3, 13, 11), (3, 67, 7, 9), (1, 33, 17, 64))
REAL = ((2, 64, 128, 128), (1, 32, 256, 256), (4, 128, 32, 32))
# More than 2^31 numbers, in images that each have fewer.
BEYOND = (12, 64, 1700, 1700)
EXACT = {"float32": 3e-5, "float16": 3e-3, "bfloat16": 2e-2}


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
    wrong = [*differences(device, given.only, dry=given.dry), *beyond(device, given.only, dry=given.dry)]
    print(f"values: {'all equal to the definitions in float64' if not wrong else 'WRONG'} ({time.monotonic() - start:.0f} s)")
    if wrong:
        print("\n".join(wrong))
        return 1
    bandwidth = copy_bandwidth(device, dry=given.dry)
    print(f"copy: {bandwidth / 1e12:.3f} TB/s")
    rows = list(measured(device, start + given.budget, given.only, dry=given.dry))
    lines = [line for row in rows for line in report(row, bandwidth)]
    print("\n".join(lines))
    missed = [line for line in lines if "MISSED" in line]
    print(f"{len(missed)} of the goals missed, {time.monotonic() - start:.0f} s")
    if given.json:
        found = {"machine": described, "copy_bytes_per_second": bandwidth, "rows": rows, "missed": missed}
        Path(given.json).write_text(json.dumps(found, indent=1) + "\n")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", help="write all numbers to a file")
    parser.add_argument("--budget", type=float, default=400, help="seconds after which nothing more is compiled by torch.compile")
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


def differences(device: Any, only: list[str] | None, *, dry: bool) -> Iterator[str]:
    """Say where an operator's result or gradients are not those of its definition in float64."""
    import torch

    from i2ikit.ops.bench import LAYOUTS
    from i2ikit.ops.bench.rivals import subjects
    from i2ikit.ops.choice import OPERATORS, reason

    for op in OPERATORS:
        chosen, why = reason(op, device)
        if chosen != "triton":
            yield f"{op} runs {chosen}: {why}"
    kinds = ("float32", "bfloat16") if dry else tuple(EXACT)
    for subject in (each for each in subjects(device) if only is None or each.name in only):
        for layout, order in LAYOUTS.items():
            for size in ((2, 3, 7, 5),) if dry else ODD + REAL:
                if subject.name == "down2" and min(size[2:]) < 2:
                    continue  # nothing would be left of it
                for kind in kinds:
                    x = torch.randn(size, device=device).to(getattr(torch, kind)).contiguous(memory_format=order)
                    yield from difference(subject, x, f"{subject.name}, {layout}, {list(size)}, {kind}", EXACT[kind])


def difference(subject: Any, x: Any, name: str, tolerance: float) -> Iterator[str]:
    import torch

    from i2ikit.ops import choice

    given = [each.detach().requires_grad_() for each in subject.make(x)]
    exact = [each.detach().double().requires_grad_() for each in given]
    y, wanted = subject.run(*given), subject.rivals["reference"](*exact)
    grad = torch.randn_like(y)
    pairs = zip((y, *torch.autograd.grad(y, given, grad)), (wanted, *torch.autograd.grad(wanted, exact, grad.double())), strict=True)
    for place, (one, other) in enumerate(pairs):
        # Where rounding takes a number over the kink of an activation, its gradient is another one: the mean square forgives a few.
        largest = max(other.abs().max().item(), other.square().mean().sqrt().item() * 4, 1e-3)
        error = ((one.double() - other).square().mean().sqrt() if place else (one.double() - other).abs().max()).item()
        if not error <= tolerance * largest * (4 if place else 1):
            yield f"{name}: {'the result' if place == 0 else f'gradient {place}'} differs by {error:.2g} of {largest:.2g}"
    if choice._failed:
        yield f"{name}: {choice._failed}"


def beyond(device: Any, only: list[str] | None, *, dry: bool) -> Iterator[str]:
    """Say where the last image of more numbers than 32 bits count is not what it is alone."""
    import torch

    from i2ikit.ops.bench import LAYOUTS, distance
    from i2ikit.ops.bench.rivals import subjects

    if not dry and torch.cuda.mem_get_info(device)[0] < 2**36:
        print("tensors beyond 2^31 elements: left out, for want of 64 GiB of memory")
        return
    for subject in subjects(device):
        if subject.name == "modulated_conv" or (only and subject.name not in only):  # the convolution is torch's
            continue
        for layout, order in LAYOUTS.items():
            x = torch.randn((3, 4, 9, 7) if dry else BEYOND, dtype=torch.bfloat16, device=device).contiguous(memory_format=order)
            given = subject.make(x)
            last = [each[-1:] if len(each) == len(x) else each for each in given]
            with torch.no_grad():
                share = distance(subject.run(*given)[-1:], subject.run(*last))
            if not share <= EXACT["bfloat16"]:
                yield f"{subject.name}, {layout}: the last image of {list(x.shape)} differs by {share:.1%} from what it is alone"


def copy_bandwidth(device: Any, *, dry: bool) -> float:
    import torch

    from i2ikit.ops.clock import medians

    source = torch.zeros(2**16 if dry else 2**28, device=device)
    target = torch.empty_like(source)
    seconds = medians({"copy": lambda: target.copy_(source)}, device, rounds=3 if dry else 15)["copy"]
    return 2 * source.numel() * source.element_size() / seconds


def recorded(call: Callable[[], object]) -> Callable[[], object]:
    """Return what replays on the device all that a call starts there."""
    import torch

    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def measured(device: Any, deadline: float, only: list[str] | None, *, dry: bool) -> Iterator[dict[str, Any]]:
    import torch

    from i2ikit.ops.bench import measure

    for plan in (each for each in PLANS if only is None or each.subject in only):
        for kind in plan.dtypes[: 1 if dry else None]:
            for layout in plan.layouts:
                for size in ((1, 4, 8, 8),) if dry else plan.sizes:
                    compiled = not dry and time.monotonic() < deadline
                    options = {"rounds": 1 if dry else 9, "compiled": compiled} | ({} if dry else {"prepare": recorded})
                    found = list(
                        measure(device, sizes=[size], dtype=getattr(torch, kind), layouts=[layout], only=[plan.subject], **options)
                    )
                    seconds = {row.direction: row.seconds for row in found}
                    forward, both = seconds["forward"], seconds["forward + backward"]
                    yield {
                        "subject": plan.subject, "layout": layout, "size": list(size), "dtype": kind, "compiled": compiled,
                        "refused": found[0].refused, "forward": forward, "forward + backward": both,
                        "backward": {name: max(both[name] - forward[name], 1e-9) for name in both},
                    }  # fmt: skip


def report(row: dict[str, Any], bandwidth: float) -> Iterator[str]:
    """Write a line for each direction, with the goals that it reaches or misses."""
    bits = {"float32": 4, "bfloat16": 2}[row["dtype"]]
    count = bits * row["size"][0] * row["size"][1] * row["size"][2] * row["size"][3]
    for index, direction in enumerate(("forward", "backward")):
        own = row[direction]["i2ikit"]
        words = [f"{1e6 * own:8.1f} us"]
        if row["subject"] in PASSES:
            share = PASSES[row["subject"]][index] * count / own / bandwidth
            words.append(f"{share:.0%} of copy{verdict(row, 'copy', direction, share)}")
        for rival, seconds in row[direction].items():
            if rival not in {"i2ikit", "copy"}:
                ratio = seconds / own
                words.append(f"x{ratio:.2f} {rival}{verdict(row, rival, direction, ratio)}")
        words += [f"{name} not timed: it {why}" for name, why in row["refused"].items()]
        words += [] if row["compiled"] else ["torch.compile left out"]
        yield f"{row['subject']:28} {row['layout']:14} {row['size']!s:22} {row['dtype']:9} {direction:9} " + ", ".join(words)


def verdict(row: dict[str, Any], rival: str, direction: str, value: float) -> str:
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
