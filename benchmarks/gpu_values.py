"""Compare the operators on a GPU with their definitions in float64, for gpu.py: in worker processes, which compile in parallel."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ODD_SIZES = ((1, 1, 1, 5), (2, 3, 13, 11), (3, 67, 7, 9), (1, 33, 17, 64))
REAL_SIZES = ((2, 64, 128, 128), (1, 32, 256, 256), (4, 128, 32, 32))
# More than 2^31 numbers, in images that each have fewer.
LARGE_SIZE = (12, 64, 1700, 1700)
TOLERANCE = {"float32": 3e-5, "float16": 3e-3, "bfloat16": 2e-2}


def compare_all(subjects: Sequence[str], device: Any, deadline: float, workers: int, completed: list[str], *, dry: bool) -> Iterator[str]:
    """Yield a line for each difference from a definition, and print what there was no time for.

    ``completed`` receives the names of the operators that were compared at all sizes.
    """
    if workers < 2:
        for name in subjects:
            if time.monotonic() < deadline:
                yield from find_differences(device, [name], dry=dry)
                completed.append(name)
            else:
                print(f"values of {name} skipped: out of time", flush=True)
    else:
        with ThreadPoolExecutor(workers) as pool:
            results = pool.map(lambda name: compare_in_process(name, deadline, dry=dry), subjects)
            for name, (is_complete, lines) in zip(subjects, results, strict=True):
                yield from lines
                completed += [name] if is_complete else []
    for name in subjects:
        if time.monotonic() < deadline:
            yield from find_offset_errors(device, [name], dry=dry)
        else:
            print(f"{name} with more than 2^31 elements skipped: out of time", flush=True)


def compare_in_process(name: str, deadline: float, *, dry: bool) -> tuple[bool, list[str]]:
    """Compare one operator in a separate process, which also fills Triton's cache. Return whether it completed, and the differences."""
    command = [sys.executable, __file__, name, *(["--dry"] if dry else [])]
    try:
        left = max(deadline - time.monotonic(), 1.0)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)
    except subprocess.TimeoutExpired as timeout:
        print(f"values of {name} incomplete: out of time", flush=True)
        output = timeout.stdout or b""
        return False, (output.decode() if isinstance(output, bytes) else output).splitlines()
    if done.returncode:
        return False, [f"{name}: {(done.stderr.strip().splitlines() or ['the process ended without a message'])[-1]}"]
    return True, done.stdout.splitlines()


def find_differences(device: Any, only: list[str] | None, *, dry: bool) -> Iterator[str]:
    """Yield a line for each result or gradient that differs from the definition in float64."""
    import torch

    from i2ikit.ops.bench import LAYOUTS
    from i2ikit.ops.bench.baselines import list_subjects
    from i2ikit.ops.implementations import OPERATORS, explain_implementation

    for op in OPERATORS:
        implementation, reason = explain_implementation(op, device)
        if implementation != "triton":
            yield f"{op} runs {implementation}: {reason}"
    for subject in (each for each in list_subjects(device) if only is None or each.name in only):
        for layout, memory_format in LAYOUTS.items():
            for size in ((2, 3, 7, 5),) if dry else REAL_SIZES + ODD_SIZES:
                if subject.name == "down2" and min(size[2:]) < 2:
                    continue  # the result would be empty
                # Each size compiles another kernel: odd sizes are not compared in float16, to save time.
                for dtype in TOLERANCE if size in REAL_SIZES else ("float32", "bfloat16"):
                    x = torch.randn(size, device=device).to(getattr(torch, dtype)).contiguous(memory_format=memory_format)
                    yield from compare_subject(subject, x, f"{subject.name}, {layout}, {list(size)}, {dtype}", TOLERANCE[dtype])


def compare_subject(subject: Any, x: Any, name: str, tolerance: float) -> Iterator[str]:
    import torch

    from i2ikit.ops import implementations

    inputs = [each.detach().requires_grad_() for each in subject.make_inputs(x)]
    exact = [each.detach().double().requires_grad_() for each in inputs]
    y, expected = subject.run(*inputs), subject.baselines["reference"](*exact)
    grad = torch.randn_like(y)
    pairs = zip((y, *torch.autograd.grad(y, inputs, grad)), (expected, *torch.autograd.grad(expected, exact, grad.double())), strict=True)
    for index, (one, other) in enumerate(pairs):
        # If rounding moves a number over the kink of an activation, its gradient changes: the mean square tolerates a few of them.
        largest = max(other.abs().max().item(), other.square().mean().sqrt().item() * 4, 1e-3)
        error = ((one.double() - other).square().mean().sqrt() if index else (one.double() - other).abs().max()).item()
        if not error <= tolerance * largest * (4 if index else 1):
            yield f"{name}: {'the result' if index == 0 else f'gradient {index}'} differs by {error:.2g} of {largest:.2g}"
    if implementations._failures:
        yield f"{name}: {implementations._failures}"


def find_offset_errors(device: Any, only: list[str] | None, *, dry: bool) -> Iterator[str]:
    """Yield a line for each operator whose result for an image depends on its position in a batch of more than 2^31 numbers."""
    import torch

    from i2ikit.ops.bench import LAYOUTS, relative_error
    from i2ikit.ops.bench.baselines import list_subjects

    if not dry and torch.cuda.mem_get_info(device)[0] < 2**36:
        print("tensors with more than 2^31 elements skipped: they need 64 GiB of memory")
        return
    for subject in list_subjects(device):
        if subject.name == "modulated_conv" or (only and subject.name not in only):  # the convolution is torch's
            continue
        for layout, memory_format in LAYOUTS.items():
            x = torch.randn((3, 4, 9, 7) if dry else LARGE_SIZE, dtype=torch.bfloat16, device=device)
            x = x.contiguous(memory_format=memory_format)
            inputs = subject.make_inputs(x)
            last = [each[-1:] if len(each) == len(x) else each for each in inputs]
            with torch.no_grad():
                error = relative_error(subject.run(*inputs)[-1:], subject.run(*last))
            if not error <= TOLERANCE["bfloat16"]:
                yield f"{subject.name}, {layout}: the last image of {list(x.shape)} differs by {error:.1%} from its result alone"


if __name__ == "__main__":
    import torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False  # TF32 would leave the float32 convolutions with three digits
    is_dry = "--dry" in sys.argv
    for line in find_differences(torch.device("cpu" if is_dry else "cuda"), sys.argv[1:2], dry=is_dry):
        print(line, flush=True)
