"""The checks of arguments that the operators share: one line that names the argument, what was found and what it has to be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.errors import KindError, OptionError, SpecError


def maps(op: str, name: str, value: Tensor, *, rank: int | None = 4) -> None:
    """Check that a tensor is floating point and has a rank.

    Raises:
        KindError: It is no tensor, or not of floating point.
        SpecError: It has another rank.
    """
    if not isinstance(value, Tensor):
        raise KindError(f"{op}: {name} is a {type(value).__name__}; it has to be a tensor.")
    if not value.is_floating_point():
        raise KindError(f"{op}: {name} holds {_dtype(value)}; it has to hold floating point numbers. Convert it first.")
    if value.element_size() < 2:
        raise KindError(f"{op}: {name} holds {_dtype(value)}; float16, bfloat16, float32 and float64 are known. Convert it first.")
    if rank is not None and value.ndim != rank:
        raise SpecError(f"{op}: {name} has shape {list(value.shape)}; it has to have {rank} axes{' [B, C, H, W]' if name == 'x' else ''}.")


def beside(op: str, name: str, value: Tensor, x: Tensor, *shapes: Sequence[int]) -> None:
    """Check that a tensor has one of some shapes and lies on the device of x.

    Raises:
        KindError: It is no tensor, or not of floating point.
        SpecError: It has none of the shapes, or lies on another device.
    """
    maps(op, name, value, rank=None)
    if not any(tuple(value.shape) == tuple(shape) for shape in shapes):
        wanted = " or ".join(str(list(shape)) for shape in shapes)
        raise SpecError(f"{op}: {name} has shape {list(value.shape)}; for x of shape {list(x.shape)} it has to be {wanted}.")
    if value.device != x.device:
        raise SpecError(f"{op}: {name} is on {value.device} and x on {x.device}; they have to be on one device.")


def number(op: str, name: str, value: float, *, least: float | None = None, optional: bool = False) -> float:
    """Return a finite number; ``optional`` says in the message that None would do too.

    Raises:
        KindError: It is no number.
        OptionError: It is infinite, no number of floating point, or too small.
    """
    none = " or None" if optional else ""
    if not isinstance(value, int | float | torch.SymFloat | torch.SymInt) or isinstance(value, bool):
        raise KindError(f"{op}: {name} is {value!r}; it has to be a number{none}.")
    # Compared, and not asked for by math.isfinite, which takes no symbol that stands for a number while a compiler traces.
    if not (-math.inf < value < math.inf and (least is None or value >= least)):
        wanted = "finite" if least is None else f"finite and at least {least:g}"
        raise OptionError(f"{op}: {name} is {value}; it has to be {wanted}{none}.")
    return float(value)


def factor(op: str, name: str, value: int) -> int:
    """Return one whole number of at least 1.

    Raises:
        KindError: It is no whole number.
        OptionError: It is too small.
    """
    if not isinstance(value, int | torch.SymInt) or isinstance(value, bool):
        raise KindError(f"{op}: {name} is {value!r}; it has to be a whole number.")
    if value < 1:
        raise OptionError(f"{op}: {name} is {value}; it has to be at least 1.")
    return value


def filter_taps(op: str, name: str, fir: Tensor, x: Tensor) -> None:
    """Check a filter of ``upfirdn``.

    Raises:
        KindError: It is no tensor, or not of floating point.
        SpecError: It has neither one axis nor two, no taps, or lies on another device than x.
        OptionError: It wants a gradient.
    """
    maps(op, name, fir, rank=None)
    if fir.ndim not in {1, 2} or fir.numel() == 0:
        raise SpecError(f"{op}: {name} has shape {list(fir.shape)}; it has to be [k] or [kh, kw], with one tap at least.")
    if fir.device != x.device:
        raise SpecError(f"{op}: {name} is on {fir.device} and x on {x.device}; they have to be on one device.")
    if fir.requires_grad:
        raise OptionError(f"{op}: {name} wants a gradient, and filters are constants here. Detach it, or use torch.nn.functional.conv2d.")


def pixels(op: str, x: Tensor) -> None:
    """Check that maps have a channel and a pixel.

    Raises:
        SpecError: They have none.
    """
    if 0 in x.shape[1:]:
        raise SpecError(f"{op}: x has shape {list(x.shape)}; it has to have one channel and one pixel at least.")


def one_dtype(op: str, name: str, value: Tensor, x: Tensor) -> None:
    """Check that a tensor is of the dtype of x.

    Raises:
        SpecError: It is of another.
    """
    if value.dtype != x.dtype:
        raise SpecError(f"{op}: {name} is of {_dtype(value)} and x of {_dtype(x)}; they have to be of one dtype.")


def pair(op: str, name: str, value: int | Sequence[int], *, least: int = 1) -> tuple[int, int]:
    """Return one whole number, or two in the order [x, y], as two.

    Raises:
        KindError: It is not of whole numbers.
        OptionError: It is neither one nor two numbers, or one is too small.
    """
    found = tuple(value) if isinstance(value, list | tuple | torch.Size) else (value, value)
    _whole(op, name, value, found)
    if len(found) != 2 or min(found) < least:
        raise OptionError(f"{op}: {name} is {value}; it has to be a number, or two in the order [x, y], of at least {least}.")
    return found[0], found[1]


def margins(op: str, name: str, value: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return a padding of one, two [x, y] or four numbers [x before, x after, y before, y after] as four.

    Raises:
        KindError: It is not of whole numbers.
        OptionError: It has another count of them.
    """
    found = tuple(value) if isinstance(value, list | tuple | torch.Size) else (value,) * 4
    _whole(op, name, value, found)
    if len(found) == 2:
        found = (found[0], found[0], found[1], found[1])
    if len(found) != 4:
        raise OptionError(f"{op}: {name} is {value}; it has to be one number, two [x, y] or four [x before, x after, y before, y after].")
    return found[0], found[1], found[2], found[3]


def _whole(op: str, name: str, value: object, found: Sequence[object]) -> None:
    if not all(isinstance(number, int | torch.SymInt) and not isinstance(number, bool) for number in found):
        raise KindError(f"{op}: {name} is {value}; it has to be of whole numbers.")


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
