"""The losses of a step with several batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def merge_logs(batches: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the losses of a step by name: of a term of several batches their mean, and that of each batch under its number, from 1.

    Args:
        batches: The losses of each batch, by "player/term".

    Returns:
        ``{"discriminator/domain": mean, "discriminator/domain/1": ..., "discriminator/domain/2": ...}``; a term of one batch only has no
        numbers.
    """
    found: dict[str, dict[int, Tensor]] = {}
    for number, logs in enumerate(batches, 1):
        for name, value in logs.items():
            found.setdefault(name, {})[number] = value
    merged = {
        name: torch.stack([*values.values()]).mean() if len(values) > 1 else next(iter(values.values())) for name, values in found.items()
    }
    return merged | {f"{name}/{number}": value for name, values in found.items() if len(values) > 1 for number, value in values.items()}
