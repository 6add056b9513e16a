"""Checks of arguments that the operators share. A message names the operator and the argument, what was found, and what it must be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from i2ikit.errors import InputTypeError, OptionError, SpecError


def check_tensor(op: str, name: str, value: Tensor, *, rank: int | None = 4) -> None:
    """Check that a value is a floating point tensor with a given number of axes; None allows any number.

    Raises:
        InputTypeError: It is not a tensor, or its data type is not supported.
        SpecError: It has another number of axes.
    """
    if not isinstance(value, Tensor):
        raise InputTypeError(f"{op}: {name} is of type {type(value).__name__}; it must be a tensor.")
    if not value.is_floating_point():
        raise InputTypeError(f"{op}: {name} has dtype {_get_dtype_name(value)}; it must be floating point. Convert it first.")
    if value.element_size() < 2:
        raise InputTypeError(
            f"{op}: {name} has dtype {_get_dtype_name(value)}; it must be float16, bfloat16, float32 or float64. Convert it first."
        )
    if rank is not None and value.ndim != rank:
        raise SpecError(f"{op}: {name} has shape {list(value.shape)}; it must have {rank} axes{' [B, C, H, W]' if name == 'x' else ''}.")


def check_shape(op: str, name: str, value: Tensor, x: Tensor, *shapes: Sequence[int]) -> None:
    """Check that a floating point tensor has one of the given shapes and is on the device of x.

    Raises:
        InputTypeError: It is not a tensor, or its data type is not supported.
        SpecError: It has another shape, or is on another device.
    """
    check_tensor(op, name, value, rank=None)
    if not any(tuple(value.shape) == tuple(shape) for shape in shapes):
        allowed = " or ".join(str(list(shape)) for shape in shapes)
        raise SpecError(f"{op}: {name} has shape {list(value.shape)}; for x of shape {list(x.shape)} it must be {allowed}.")
    _check_same_device(op, name, value, x)


def check_number(op: str, name: str, value: float, *, minimum: float | None = None, optional: bool = False) -> float:
    """Return a finite number; with ``optional`` the message says that None is allowed too.

    Raises:
        InputTypeError: It is not a number.
        OptionError: It is infinite, NaN, or below the minimum.
    """
    none = " or None" if optional else ""
    if not isinstance(value, int | float | torch.SymFloat | torch.SymInt) or isinstance(value, bool):
        raise InputTypeError(f"{op}: {name} is {value!r}; it must be a number{none}.")
    # A comparison instead of math.isfinite: that does not accept the symbolic numbers that a compiler uses while it traces.
    if not (-math.inf < value < math.inf and (minimum is None or value >= minimum)):
        allowed = "finite" if minimum is None else f"finite and at least {minimum:g}"
        raise OptionError(f"{op}: {name} is {value}; it must be {allowed}{none}.")
    return float(value)


def check_positive_int(op: str, name: str, value: int) -> int:
    """Return an integer of at least 1.

    Raises:
        InputTypeError: It is not an integer.
        OptionError: It is below 1.
    """
    if not isinstance(value, int | torch.SymInt) or isinstance(value, bool):
        raise InputTypeError(f"{op}: {name} is {value!r}; it must be an integer.")
    if value < 1:
        raise OptionError(f"{op}: {name} is {value}; it must be at least 1.")
    return value


def check_filter(op: str, name: str, fir: Tensor, x: Tensor) -> None:
    """Check a filter of ``upfirdn``.

    Raises:
        InputTypeError: It is not a tensor, or its data type is not supported.
        SpecError: It is empty, does not have one or two axes, or is on another device than x.
        OptionError: It requires a gradient.
    """
    check_tensor(op, name, fir, rank=None)
    if fir.ndim not in {1, 2} or fir.numel() == 0:
        raise SpecError(f"{op}: {name} has shape {list(fir.shape)}; it must be [k] or [kh, kw], with at least one tap.")
    _check_same_device(op, name, fir, x)
    if fir.requires_grad:
        raise OptionError(f"{op}: {name} requires a gradient; a filter must be a constant. Detach it, or use torch.nn.functional.conv2d.")


def check_not_empty(op: str, x: Tensor) -> None:
    """Check that maps have at least one channel and one pixel; the batch may be empty.

    Raises:
        SpecError: They have no channel or no pixel.
    """
    if 0 in x.shape[1:]:
        raise SpecError(f"{op}: x has shape {list(x.shape)}; it must have at least one channel and one pixel.")


def check_same_dtype(op: str, name: str, value: Tensor, x: Tensor) -> None:
    """Check that a tensor has the data type of x.

    Raises:
        SpecError: It has another data type.
    """
    if value.dtype != x.dtype:
        raise SpecError(f"{op}: {name} has dtype {_get_dtype_name(value)}, but x has {_get_dtype_name(x)}; they must be the same.")


def parse_pair(op: str, name: str, value: int | Sequence[int], *, minimum: int = 1) -> tuple[int, int]:
    """Return one integer, or two in the order [x, y], as two.

    Raises:
        InputTypeError: It holds something else than integers.
        OptionError: It has more than two numbers, or one below the minimum.
    """
    numbers = tuple(value) if isinstance(value, list | tuple | torch.Size) else (value, value)
    _check_integers(op, name, value, numbers)
    if len(numbers) != 2 or min(numbers) < minimum:
        raise OptionError(f"{op}: {name} is {value}; it must be an integer, or two [x, y], of at least {minimum}.")
    return numbers[0], numbers[1]


def parse_padding(op: str, name: str, value: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return a padding of one, two [x, y] or four numbers [x before, x after, y before, y after] as four.

    Raises:
        InputTypeError: It holds something else than integers.
        OptionError: It has another number of them.
    """
    numbers = tuple(value) if isinstance(value, list | tuple | torch.Size) else (value,) * 4
    _check_integers(op, name, value, numbers)
    if len(numbers) == 2:
        numbers = (numbers[0], numbers[0], numbers[1], numbers[1])
    if len(numbers) != 4:
        raise OptionError(f"{op}: {name} is {value}; it must be an integer, or two [x, y], or four [x before, x after, y before, y after].")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _check_integers(op: str, name: str, value: object, numbers: Sequence[object]) -> None:
    if not all(isinstance(number, int | torch.SymInt) and not isinstance(number, bool) for number in numbers):
        raise InputTypeError(f"{op}: {name} is {value}; it must hold integers.")


def _check_same_device(op: str, name: str, value: Tensor, x: Tensor) -> None:
    if value.device != x.device:
        raise SpecError(f"{op}: {name} is on {value.device} and x is on {x.device}; they must be on the same device.")


def _get_dtype_name(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
