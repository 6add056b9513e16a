"""Which translations are asked of a model, and what each should look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from i2ikit.core.domain import Attribute, DomainSpec
from i2ikit.data import Dataset, Item
from i2ikit.errors import DataError, LabelError, OptionError
from i2ikit.evaluate.resize import Preparation

Targets = str | Iterable[str] | Mapping[str, Iterable[str]]
PAIRED = "pair"
"""What stands for the attribute where every image has one target image."""


@frozen
class Ask:
    """One translation that is asked for.

    Attributes:
        row: The place of its input among the inputs.
        attribute: What is to change.
        source: The input's value.
        target: The value asked for.
    """

    row: int
    attribute: str
    source: str
    target: str


def wanted(domain: DomainSpec, targets: Targets) -> dict[str, tuple[str, ...]]:
    """Return the values to ask for by attribute.

    Args:
        domain: What the model knows.
        targets: ``"all"``, the names of attributes as ``"tone,gender"`` or as a sequence, or a mapping ``{"tone": ("dark",)}``.

    Raises:
        UnknownNameError: An attribute or a value that the domain does not have.
        OptionError: Nothing is asked for.
    """
    if isinstance(targets, str) and targets == "all":
        targets = [each.name for each in domain.attributes]
    elif isinstance(targets, str):
        targets = [name.strip() for name in targets.split(",") if name.strip()]
    if not isinstance(targets, Mapping):
        targets = {name: domain.attribute(name).choices for name in targets}
    chosen: dict[str, tuple[str, ...]] = {}
    for name, values in targets.items():
        attribute = domain.attribute(name)
        chosen[name] = tuple(attribute.decode(attribute.encode(value)) for value in ([values] if isinstance(values, str) else values))
    if not chosen or not any(chosen.values()):
        raise OptionError(f'targets={targets!r} asks for nothing. Write "all", or names of attributes.')
    return chosen


def drawn(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most so many items in their order, drawn with seed 0: in a table that is sorted, every n-th could be of one value."""
    if len(items) <= most:
        return list(items)
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(0))[:most]
    return [items[index] for index in sorted(order.tolist())]


def asks(items: Sequence[Item], chosen: Mapping[str, Sequence[str]]) -> list[Ask]:
    """Return every ordered pair (value of the item, other value) of each attribute that is known for an item."""
    found = []
    for row, item in enumerate(items):
        for name, values in chosen.items():
            source = item.row.get(name)
            if source is not None:
                found += [Ask(row, name, source, target) for target in values if target != source]
    return found


def labels(domain: DomainSpec, items: Sequence[Item]) -> Tensor:
    """Return the labels of items as a model reads them [B, D]; attributes that the data does not have are unknown.

    Raises:
        LabelError: A value is unknown, and the model's label has no mask to say so.
    """
    return torch.tensor([label_of(domain, item) for item in items], dtype=torch.float32).reshape(len(items), domain.width)


def label_of(domain: DomainSpec, item: Item) -> list[float]:
    """Return the label entries of one item [D], or raise LabelError."""
    return domain.encode({each.name: item.row.get(each.name) for each in domain.attributes})


def can_be_labelled(domain: DomainSpec, item: Item) -> bool:
    """Return whether a label without mask can describe an item."""
    try:
        label_of(domain, item)
    except LabelError:
        return False
    return True


def shared_attributes(model: DomainSpec, data: Dataset) -> list[Attribute]:
    """Return the model's attributes that the data knows.

    Raises:
        DataError: There is none.
    """
    names = {each.name for each in data.domain.attributes}
    shared = [each for each in model.attributes if each.name in names]
    if not shared:
        known = ", ".join(each.name for each in model.attributes) or "none"
        raise DataError(f'"{data.name}" has none of the model\'s attributes ({known}); its own: {", ".join(sorted(names)) or "none"}.')
    return shared


def find_targets(data: Dataset, items: Sequence[Item], asked: Sequence[Ask], prepare: Preparation) -> tuple[Tensor | None, Tensor]:
    """Return the true images [N C H W] in [-1, 1] of those translations that have one, and which these are [B] (bool)."""
    changes: list[dict[str, Any]] = [{} if ask.attribute == PAIRED else {ask.attribute: ask.target} for ask in asked]
    inputs = [items[ask.row] for ask in asked]
    many = getattr(data, "find_targets", None)  # drawings are made faster together
    if many is not None and asked:
        return prepare(many(inputs, changes)), torch.ones(len(asked), dtype=torch.bool)
    found = [data.find_target(item, change) for item, change in zip(inputs, changes, strict=True)]
    there = torch.tensor([target is not None for target in found], dtype=torch.bool)
    images = [target for target in found if target is not None]
    if not images:
        return None, there
    if len({image.shape for image in images}) == 1:
        return prepare(torch.stack(images)), there
    return torch.stack([prepare(image) for image in images]), there


def nearest(fakes: Tensor, candidates: Tensor) -> Tensor:
    """Return for each image the index of the candidate that is nearest to it in L2 [N].

    Args:
        fakes: Translations of one input [N C H W].
        candidates: The true image of each value [K C H W]; of the input's own value it is the input.
    """
    squares = [(candidates - fake).square().mean(dim=(1, 2, 3)) for fake in fakes]
    return torch.stack(squares).argmin(1)
