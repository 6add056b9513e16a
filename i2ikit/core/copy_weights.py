"""Copies weights by name, if all of them fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from i2ikit.errors import CheckpointError

MOST = 5  # differences that an error names


def copy_weights(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, problem: str, remedy: str) -> None:
    """Copy tensors into those of the same name; if a name or a shape differs, nothing is copied.

    Args:
        own: The tensors to write to.
        tensors: The tensors to copy.
        problem: The beginning of the error message, before the differences.
        remedy: Its end.

    Raises:
        CheckpointError: Names or shapes differ; the message names the first five differences.
    """
    problems = [f"{name} is missing" for name in own if name not in tensors]
    problems += [f"{name} is not expected" for name in tensors if name not in own]
    problems += [
        f"{name} has shape {list(tensors[name].shape)}, expected {list(own[name].shape)}"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    if problems:
        more = [f"and {len(problems) - MOST} more"] if len(problems) > MOST else []
        raise CheckpointError(f"{problem}: {'; '.join([*problems[:MOST], *more])}. {remedy}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
