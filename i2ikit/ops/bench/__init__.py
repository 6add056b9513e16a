"""Measure the operators on a machine against their definitions, plain torch, torch.compile, and a copy of the same number of bytes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from i2ikit.errors import OptionError, suggest
from i2ikit.ops.bench.baselines import Function, Subject, list_subjects
from i2ikit.ops.timing import Call, make_copy_tensor, measure_medians

SIZES = ((4, 512, 32, 32), (4, 256, 64, 64), (4, 128, 128, 128), (4, 64, 256, 256), (1, 32, 512, 512))
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
DIRECTIONS = ("forward", "forward + backward")
# Of the root mean square: at the kink of an activation, rounding alone may change single numbers by any amount.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 6e-2}


class Row(NamedTuple):
    """The measurement of one operator for one layout, size and direction.

    Attributes:
        subject: Name of the operator at one setting.
        layout: ``NCHW`` or ``channels_last``.
        direction: ``forward`` or ``forward + backward``.
        size: Shape [B, C, H, W] of the input.
        seconds: The medians by name; ``i2ikit`` is the operator itself.
        refused: The baselines that were not timed because their values differ, each with the difference.
    """

    subject: str
    layout: str
    direction: str
    size: tuple[int, ...]
    seconds: dict[str, float]
    refused: dict[str, str]


class Summary(NamedTuple):
    """How many times as fast as a baseline an operator is, over all sizes.

    Attributes:
        subject: Name of the operator at one setting.
        layout: ``NCHW`` or ``channels_last``.
        direction: ``forward`` or ``forward + backward``.
        baseline: Name of the baseline.
        mean: Geometric mean of the ratios.
        worst: The smallest ratio divided by the mean.
    """

    subject: str
    layout: str
    direction: str
    baseline: str
    mean: float
    worst: float


class DifferentValuesError(AssertionError):
    """An operator computes other values than its definition, so that it is not timed."""


def measure(
    device: torch.device,
    *,
    sizes: Sequence[tuple[int, ...]] = SIZES,
    dtype: torch.dtype = torch.float32,
    layouts: Iterable[str] = tuple(LAYOUTS),
    only: Sequence[str] = (),
    repeats: int = 7,
    compiled: bool = False,
    prepare: Callable[[Call], Call] = lambda call: call,
    cold_bytes: int = 0,
) -> Iterator[Row]:
    """Measure every operator, layout, size and direction. Before each measurement the values are compared with those of the baselines.

    Args:
        device: The device to measure on.
        sizes: Shapes [B, C, H, W] of the input.
        dtype: Data type of all inputs.
        layouts: ``NCHW``, ``channels_last``, or both.
        only: Names of the operators to measure; all of them if empty.
        repeats: Number of turns of each call, whose median counts.
        compiled: Measure ``torch.compile`` of the definitions too. Each takes seconds to compile.
        prepare: Turns each call into the one that is timed, such as a replay of the work that it starts on a device.
        cold_bytes: A number of bytes that the caches of the device cannot hold. If it is given, the calls take turns on copies of the
            tensors of that size in total and keep their results, and the seconds are those of one call.

    Raises:
        OptionError: ``only`` holds an unknown name.
        DifferentValuesError: An operator computes other values than its definition.
    """
    known = {subject.name: subject for subject in list_subjects(device)}
    for name in only:
        if name not in known:
            raise OptionError(f'No operator to measure is called "{name}". {suggest(name, known)}')
    for subject in (known[name] for name in only or known):
        for layout in layouts:
            for size in sizes:
                x = torch.randn(size, device=device).to(dtype).contiguous(memory_format=LAYOUTS[layout])
                yield from _measure_subject(subject, layout, x, repeats, compiled, prepare, cold_bytes)


def summarize(rows: Iterable[Row]) -> list[Summary]:
    """Return the geometric means over the sizes, against each baseline."""
    ratios: dict[tuple[str, str, str, str], list[float]] = {}
    for row in rows:
        for baseline, seconds in row.seconds.items():
            if baseline != "i2ikit":
                ratios.setdefault((row.subject, row.layout, row.direction, baseline), []).append(seconds / row.seconds["i2ikit"])
    summaries = []
    for key, each in ratios.items():
        mean = math.exp(sum(math.log(ratio) for ratio in each) / len(each))
        summaries.append(Summary(*key, mean, min(each) / mean))
    return summaries


def format_table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table, one for each summary."""
    yield f"{'operator':28} {'layout':14} {'direction':19} {'baseline':18} {'speedup':>8} {'worst size':>11}"
    for each in summarize(rows):
        mean, worst = f"x{each.mean:.2f}", f"{each.worst:.0%}"
        yield f"{each.subject:28} {each.layout:14} {each.direction:19} {each.baseline:18} {mean:>8} {worst:>11}"


def _measure_subject(
    subject: Subject, layout: str, x: Tensor, repeats: int, compiled: bool, prepare: Callable[[Call], Call], cold_bytes: int
) -> Iterator[Row]:
    inputs = [each.requires_grad_() for each in subject.make_inputs(x)]
    calls: dict[str, Function] = {"i2ikit": subject.run, **subject.baselines}
    if compiled:
        torch.compiler.reset()  # earlier shapes would count as recompilations, and after some of them torch runs the function eagerly
        calls["torch.compile"] = torch.compile(subject.baselines["reference"], dynamic=False)
    grad, refused = _compare(subject, calls, inputs)
    source = make_copy_tensor(x, grad).normal_()
    copies, count = _count_copies(source.numel() * source.element_size(), cold_bytes)
    sets = [([each.detach().clone().requires_grad_() for each in inputs], grad.clone()) for _ in range(copies - 1)]
    sets, sources = [(inputs, grad), *sets], [source, *(source.clone() for _ in range(copies - 1))]
    for direction in DIRECTIONS:
        timed: dict[str, Call] = {
            name: _make_turns([partial(_run, call, *each, direction) for each in sets], count)
            for name, call in calls.items()
            if name not in refused
        }
        timed["copy"] = _make_turns([partial(_copy, each, 1 if direction == "forward" else 2) for each in sources], count)
        medians = measure_medians({name: prepare(call) for name, call in timed.items()}, x.device, repeats=repeats)
        yield Row(subject.name, layout, direction, tuple(x.shape), {name: each / count for name, each in medians.items()}, refused)


def _count_copies(size: int, cold_bytes: int) -> tuple[int, int]:
    """Return how many copies of tensors of ``size`` bytes are needed to exceed the caches, and how many calls are timed as one."""
    if not cold_bytes:
        return 1, 1
    copies = math.ceil(cold_bytes / size) if size < cold_bytes else 1
    copies = min(copies, 128)
    return copies, copies * math.ceil(max(4, min(20, 2**30 // size)) / copies)


def _make_turns(calls: Sequence[Call], count: int) -> Call:
    """Return a function that makes ``count`` calls in turn. It keeps the latest results, so that new ones get other memory."""
    if count == 1:
        return calls[0]

    def run() -> None:
        results = deque[object](maxlen=len(calls))
        for index in range(count):
            results.append(calls[index % len(calls)]())

    return run


def _compare(subject: Subject, calls: dict[str, Function], inputs: list[Tensor]) -> tuple[Tensor, dict[str, str]]:
    """Return a gradient for the results, and the calls whose results or gradients differ from the definition's."""
    y = subject.baselines["reference"](*inputs)
    grad = torch.randn_like(y)
    expected = (y, *torch.autograd.grad(y, inputs, grad))
    refused = {}
    for name, call in calls.items():
        y = call(*inputs)
        for one, other in zip((y, *torch.autograd.grad(y, inputs, grad)), expected, strict=True):
            error = relative_error(one, other)
            if not error <= TOLERANCE[one.dtype]:
                refused[name] = f"differs by {error:.1%} in the root mean square"
    if "i2ikit" in refused:
        raise DifferentValuesError(f"{subject.name} {refused['i2ikit']} from its definition, for maps of shape {list(inputs[0].shape)}.")
    return grad, refused


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return the norm of the difference, divided by the norm of the expected values."""
    wide = torch.promote_types(expected.dtype, torch.float32)
    found, expected = found.detach().to(wide), expected.detach().to(wide)
    return float((found - expected).norm() / expected.norm().clamp(min=1e-12))


def _run(call: Function, inputs: list[Tensor], grad: Tensor, direction: str) -> object:
    if direction == "forward":
        with torch.no_grad():
            return call(*inputs)
    y = call(*inputs)
    return y, torch.autograd.grad(y, inputs, grad)


def _copy(source: Tensor, times: int) -> object:
    return [source.clone() for _ in range(times)]
