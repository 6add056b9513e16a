"""Which rows meet in a batch."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch


def alike(order: Sequence[int], kinds: Sequence[Hashable], batch: int, generator: torch.Generator) -> list[int]:
    """Return an order whose batches hold rows of one kind as far as they go; what is left over meets in mixed batches.

    Labels are exchanged among rows that know the same label sets. In a mixed batch few rows find a partner of another value, so that a
    partly labelled set would hardly train translation; the paper's two data sets have a batch each (StarGAN, section 3.3).

    Args:
        order: Rows in random order.
        kinds: What must be equal within a batch, by row.
        batch: Rows in a batch.
        generator: Of the order of the batches.

    Returns:
        Whole batches, one after the other; the ragged rest is left out.
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
    # The rest is mixed by the order it came in, so that a small group does not always stand at its end and fall out with it.
    places = {row: place for place, row in enumerate(order)}
    rest.sort(key=places.__getitem__)
    batches += [rest[start : start + batch] for start in range(0, len(rest) // batch * batch, batch)]
    return [row for place in torch.randperm(len(batches), generator=generator).tolist() for row in batches[place]]
