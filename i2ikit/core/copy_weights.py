"""Copies weights by name, if all of them fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from i2ikit.errors import CheckpointError

MOST = 5  # differences that an error names


def describe_other_kind(name: str, found: Tensor, expected: Tensor) -> str:
    """Return the problem of a tensor whose numbers are of another kind than those it replaces; empty if there is none.

    Floats of one precision can replace those of another, and integers of one size those of another. Anything else was not saved for this
    place: a copy would turn True into 1 and drop imaginary parts.
    """
    return "" if _get_kind(found) == _get_kind(expected) else f"{name} has dtype {found.dtype}, expected {expected.dtype}"


def _get_kind(tensor: Tensor) -> str:
    if tensor.dtype == torch.bool:
        return "bool"
    return "float" if tensor.is_floating_point() else "complex" if tensor.is_complex() else "integer"


def copy_weights(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, problem: str, remedy: str) -> None:
    """Copy tensors into those of the same name; if a name or a shape differs, nothing is copied.

    Args:
        own: The tensors to write to.
        tensors: The tensors to copy.
        problem: The beginning of the error message, before the differences.
        remedy: Its end.

    Raises:
        CheckpointError: Names, shapes or kinds of numbers differ; the message names the first five differences.
    """
    problems = [f"{name} is missing" for name in own if name not in tensors]
    problems += [f"{name} is not expected" for name in tensors if name not in own]
    problems += [
        f"{name} has shape {list(tensors[name].shape)}, expected {list(own[name].shape)}"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    both = [name for name in own if name in tensors]
    problems += [other for name in both if (other := describe_other_kind(name, tensors[name], own[name]))]
    if problems:
        more = [f"and {len(problems) - MOST} more"] if len(problems) > MOST else []
        raise CheckpointError(f"{problem}: {'; '.join([*problems[:MOST], *more])}. {remedy}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
