"""Tensors that replace random draws: their names and their form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from i2ikit.errors import PlanError, UnknownNameError

if TYPE_CHECKING:
    from i2ikit.core.model import Model

Draws = Mapping[str, Tensor]


def list_draws(draws: Draws | Sequence[Draws] | None, batches: int) -> list[Draws]:
    """Return the tensors that replace random draws, one mapping for each batch.

    Raises:
        PlanError: Their number differs from that of the batches, or one is no mapping.
    """
    listed = list(draws) if isinstance(draws, Sequence) else [draws if draws is not None else {}] * batches
    if len(listed) != batches:
        raise PlanError(
            f"draws= has {len(listed)} mappings, but the number of batches is {batches}. Pass one mapping for all batches, or one for each."
        )
    for each in listed:
        if not isinstance(each, Mapping):
            raise PlanError(f'draws= must be a mapping from names to tensors, such as {{"alpha": tensor}}; found {type(each).__name__}.')
    return listed


def check_draws(model: Model, draws: Draws) -> None:
    """Check the names and the types of tensors that replace random draws.

    Raises:
        UnknownNameError: A name is not that of a random draw.
        PlanError: A value is no tensor of real numbers.
    """
    if not draws:
        return
    known = model.find_stream_names()
    if known is not None and not draws.keys() <= set(known):
        model.stream_names = None  # a network may have been replaced since the rehearsal that recorded them
        known = model.find_stream_names()
    for name, value in draws.items():
        if known is not None and name not in known:
            raise UnknownNameError("draw", name, known)
        if not isinstance(value, Tensor) or value.dtype.is_complex or value.dtype == torch.bool:
            found = f"a tensor of {value.dtype}" if isinstance(value, Tensor) else _describe(value)
            raise PlanError(f'The draw "{name}" is replaced by {found}; expected a tensor of numbers.')


def _describe(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
