"""Measure the operators on a machine against their definitions, plain torch, torch.compile, and a copy of the same bytes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from i2ikit.errors import OptionError, suggest
from i2ikit.ops.bench.rivals import Function, Subject, subjects
from i2ikit.ops.timing import Call, copied_bytes, medians

SIZES = ((4, 512, 32, 32), (4, 256, 64, 64), (4, 128, 128, 128), (4, 64, 256, 256), (1, 32, 512, 512))
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
DIRECTIONS = ("forward", "forward + backward")
# Of the root mean square: at the kink of an activation single numbers may differ by any amount, from rounding alone.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 6e-2}


class Row(NamedTuple):
    """What was measured for one operator, layout, size and direction.

    Attributes:
        seconds: The medians by name; ``i2ikit`` is the operator itself.
        refused: What was not timed, because its values differ, and by how much.
    """

    subject: str
    layout: str
    direction: str
    size: tuple[int, ...]
    seconds: dict[str, float]
    refused: dict[str, str]


class Summary(NamedTuple):
    """How many times as fast as a rival an operator is over all sizes.

    Attributes:
        mean: The geometric mean.
        worst: The smallest ratio as a share of it.
    """

    subject: str
    layout: str
    direction: str
    rival: str
    mean: float
    worst: float


class DifferentValuesError(AssertionError):
    """An operator does not compute what its definition does; there is nothing to time."""


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
    cold: int = 0,
) -> Iterator[Row]:
    """Measure every operator, layout, size and direction, each after its values were compared with those of its rivals.

    Args:
        device: Where to measure.
        sizes: Shapes [B, C, H, W] of what goes in.
        dtype: Of everything that goes in.
        layouts: ``NCHW``, ``channels_last``, or both.
        only: Names of what to measure; everything where empty.
        repeats: Turns of each call, of which the median counts.
        compiled: Measure ``torch.compile`` of the definitions too, which takes seconds each to compile.
        prepare: Makes of each call what is timed in its place, such as a recording of what it starts on a device.
        cold: Bytes that no cache of the device holds. Where given, what is timed is a row of calls that take turns on copies of tensors,
            of so many bytes together, and keep as many results; the seconds are those of one of them.

    Raises:
        OptionError: Nothing has such a name.
        DifferentValuesError: An operator does not compute what its definition does.
    """
    known = {subject.name: subject for subject in subjects(device)}
    for name in only:
        if name not in known:
            raise OptionError(f'There is no operator "{name}" to measure. {suggest(name, known)}')
    for subject in (known[name] for name in only or known):
        for layout in layouts:
            for size in sizes:
                x = torch.randn(size, device=device).to(dtype).contiguous(memory_format=LAYOUTS[layout])
                yield from _rows(subject, layout, x, repeats, compiled, prepare, cold)


def summaries(rows: Iterable[Row]) -> list[Summary]:
    """Return the geometric means over the sizes, against each rival."""
    ratios: dict[tuple[str, str, str, str], list[float]] = {}
    for row in rows:
        for rival, seconds in row.seconds.items():
            if rival != "i2ikit":
                ratios.setdefault((row.subject, row.layout, row.direction, rival), []).append(seconds / row.seconds["i2ikit"])
    found = []
    for key, each in ratios.items():
        mean = math.exp(sum(math.log(ratio) for ratio in each) / len(each))
        found.append(Summary(*key, mean, min(each) / mean))
    return found


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Write the lines of a table, one a summary."""
    yield f"{'operator':28} {'layout':14} {'direction':19} {'against':18} {'faster':>8} {'worst size':>11}"
    for each in summaries(rows):
        yield f"{each.subject:28} {each.layout:14} {each.direction:19} {each.rival:18} {f'x{each.mean:.2f}':>8} {f'{each.worst:.0%}':>11}"


def _rows(
    subject: Subject, layout: str, x: Tensor, repeats: int, compiled: bool, prepare: Callable[[Call], Call], cold: int
) -> Iterator[Row]:
    given = [each.requires_grad_() for each in subject.make(x)]
    calls: dict[str, Function] = {"i2ikit": subject.run, **subject.rivals}
    if compiled:
        torch.compiler.reset()  # or the shapes before count as recompilations, after some of which it runs eagerly
        calls["torch.compile"] = torch.compile(subject.rivals["reference"], dynamic=False)
    grad, refused = _compare(subject, calls, given)
    source = copied_bytes(x, grad).normal_()
    copies, count = _turns(source.numel() * source.element_size(), cold)
    sets = [([each.detach().clone().requires_grad_() for each in given], grad.clone()) for _ in range(copies - 1)]
    sets, sources = [(given, grad), *sets], [source, *(source.clone() for _ in range(copies - 1))]
    for direction in DIRECTIONS:
        timed: dict[str, Call] = {
            name: _in_turn([partial(_run, call, *each, direction) for each in sets], count)
            for name, call in calls.items()
            if name not in refused
        }
        timed["copy"] = _in_turn([partial(_copy, each, 1 if direction == "forward" else 2) for each in sources], count)
        found = medians({name: prepare(call) for name, call in timed.items()}, x.device, repeats=repeats)
        yield Row(subject.name, layout, direction, tuple(x.shape), {name: each / count for name, each in found.items()}, refused)


def _turns(size: int, cold: int) -> tuple[int, int]:
    """Return how many copies of tensors of so many bytes no cache holds, and how many calls on them are timed as one."""
    if not cold:
        return 1, 1
    copies = math.ceil(cold / size) if size < cold else 1
    copies = min(copies, 128)
    return copies, copies * math.ceil(max(4, min(20, 2**30 // size)) / copies)


def _in_turn(calls: Sequence[Call], count: int) -> Call:
    """Return what makes so many calls, each with another one's tensors, and keeps results so that the next ones lie elsewhere."""
    if count == 1:
        return calls[0]

    def run() -> None:
        kept = deque[object](maxlen=len(calls))
        for index in range(count):
            kept.append(calls[index % len(calls)]())

    return run


def _compare(subject: Subject, calls: dict[str, Function], given: list[Tensor]) -> tuple[Tensor, dict[str, str]]:
    """Return a gradient for the results, and which calls do not give the definition's results and gradients."""
    y = subject.rivals["reference"](*given)
    grad = torch.randn_like(y)
    wanted = (y, *torch.autograd.grad(y, given, grad))
    refused = {}
    for name, call in calls.items():
        y = call(*given)
        for one, other in zip((y, *torch.autograd.grad(y, given, grad)), wanted, strict=True):
            share = distance(one, other)
            if not share <= TOLERANCE[one.dtype]:
                refused[name] = f"differs by {share:.1%} in the root mean square"
    if "i2ikit" in refused:
        raise DifferentValuesError(f"{subject.name} {refused['i2ikit']}, for maps {list(given[0].shape)}.")
    return grad, refused


def distance(found: Tensor, wanted: Tensor) -> float:
    """Return the length of the difference as a share of the length of what is wanted."""
    wide = torch.promote_types(wanted.dtype, torch.float32)
    found, wanted = found.detach().to(wide), wanted.detach().to(wide)
    return float((found - wanted).norm() / wanted.norm().clamp(min=1e-12))


def _run(call: Function, given: list[Tensor], grad: Tensor, direction: str) -> object:
    if direction == "forward":
        with torch.no_grad():
            return call(*given)
    y = call(*given)
    return y, torch.autograd.grad(y, given, grad)


def _copy(source: Tensor, times: int) -> object:
    return [source.clone() for _ in range(times)]
