"""The order of rows in which each batch holds rows of one kind."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch


def group_batches(order: Sequence[int], kinds: Sequence[Hashable], batch: int, generator: torch.Generator) -> list[int]:
    """Return an order of rows in which each batch holds rows of one kind; the rows that remain form mixed batches.

    Target labels are exchanged between rows that know the same label sets. In a mixed batch, few rows find a partner with another value,
    so that partly labelled data would hardly train translation. StarGAN uses one batch for each of its two data sets for the same reason
    (section 3.3 of the paper).

    Args:
        order: Rows in random order.
        kinds: The kind of each row; all rows of a batch have the same kind.
        batch: Rows in a batch.
        generator: Random numbers that shuffle the batches.

    Returns:
        Complete batches, one after the other; the last rows that do not fill a batch are left out.
    """
    groups: dict[Hashable, list[int]] = {}
    for row in order:
        groups.setdefault(kinds[row], []).append(row)
    batches: list[list[int]] = []
    rest: list[int] = []
    for group in groups.values():
        whole = len(group) // batch * batch
        batches += [group[start : start + batch] for start in range(0, whole, batch)]
        rest += group[whole:]
    # The rest follows the given random order. Otherwise a small group would always be last, and would be left out every time.
    positions = {row: position for position, row in enumerate(order)}
    rest.sort(key=positions.__getitem__)
    batches += [rest[start : start + batch] for start in range(0, len(rest) // batch * batch, batch)]
    return [row for index in torch.randperm(len(batches), generator=generator).tolist() for row in batches[index]]
