"""What the operators compute on a GPU against their definitions in float64, for gpu.py: by worker processes, which compile side by side."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ODD = ((1, 1, 1, 5), (2, 3, 13, 11), (3, 67, 7, 9), (1, 33, 17, 64))
REAL = ((2, 64, 128, 128), (1, 32, 256, 256), (4, 128, 32, 32))
# More than 2^31 numbers, in images that each have fewer.
BEYOND = (12, 64, 1700, 1700)
EXACT = {"float32": 3e-5, "float16": 3e-3, "bfloat16": 2e-2}


def compared(subjects: Sequence[str], device: Any, deadline: float, workers: int, whole: list[str], *, dry: bool) -> Iterator[str]:
    """Say what differs from its definition, and print what there was no time to compare; ``whole`` gets the names of what was."""
    if workers < 2:
        for name in subjects:
            if time.monotonic() < deadline:
                yield from differences(device, [name], dry=dry)
                whole.append(name)
            else:
                print(f"values of {name}: left out, for want of time", flush=True)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for name, (ended, found) in zip(subjects, pool.map(lambda name: worker(name, deadline, dry=dry), subjects), strict=True):
                yield from found
                whole += [name] if ended else []
    for name in subjects:
        if time.monotonic() < deadline:
            yield from beyond(device, [name], dry=dry)
        else:
            print(f"{name} beyond 2^31 elements: left out, for want of time", flush=True)


def worker(name: str, deadline: float, *, dry: bool) -> tuple[bool, list[str]]:
    """Compare one operator in a process of its own, which fills Triton's cache for this one; return whether it ended, and what differs."""
    command = [sys.executable, __file__, name, *(["--dry"] if dry else [])]
    try:
        left = max(deadline - time.monotonic(), 1.0)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)
    except subprocess.TimeoutExpired as early:
        print(f"values of {name}: not all compared, for want of time", flush=True)
        said = early.stdout or b""
        return False, (said.decode() if isinstance(said, bytes) else said).splitlines()
    if done.returncode:
        return False, [f"{name}: {(done.stderr.strip().splitlines() or ['the process ended'])[-1]}"]
    return True, done.stdout.splitlines()


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
    for subject in (each for each in subjects(device) if only is None or each.name in only):
        for layout, order in LAYOUTS.items():
            for size in ((2, 3, 7, 5),) if dry else REAL + ODD:
                if subject.name == "down2" and min(size[2:]) < 2:
                    continue  # nothing would be left of it
                # Each size is another kernel to compile: the small ones do without float16.
                for kind in EXACT if size in REAL else ("float32", "bfloat16"):
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


if __name__ == "__main__":
    import torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # or the convolutions in float32 have three digits
    dry_run = "--dry" in sys.argv
    for line in differences(torch.device("cpu" if dry_run else "cuda"), sys.argv[1:2], dry=dry_run):
        print(line, flush=True)
