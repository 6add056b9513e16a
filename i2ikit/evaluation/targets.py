"""The translations that an evaluation requests from a model, and the target image of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen
from torch import Tensor

from i2ikit.core.batch_kinds import BatchKind
from i2ikit.core.domain import Attribute, DomainSpec
from i2ikit.data import Dataset, Item
from i2ikit.errors import DataError, LabelError, OptionError, format_count
from i2ikit.evaluation.resize import Preparation
from i2ikit.quoting import split_list

if TYPE_CHECKING:
    from i2ikit.core.model import Model

Targets = str | Iterable[str] | Mapping[str, Iterable[str]]
PAIRED = "pair"
"""The attribute name that is used where every image has one target image and no attributes."""


@frozen
class TranslationRequest:
    """One requested translation.

    Attributes:
        index: The index of the input in its batch.
        attribute: The attribute to change.
        source: The input's value of the attribute.
        target: The requested value.
    """

    index: int
    attribute: str
    source: str
    target: str


def parse_targets(domain: DomainSpec, targets: Targets) -> dict[str, tuple[str, ...]]:
    """Return the requested values of each attribute.

    Args:
        domain: The domain of the model.
        targets: ``"all"``, names of attributes as ``"tone,gender"`` or as a sequence, or a mapping ``{"tone": ("dark",)}``.

    Raises:
        UnknownNameError: The domain does not have an attribute or a value.
        OptionError: ``targets`` is empty.
    """
    if isinstance(targets, str) and targets == "all":
        targets = [each.name for each in domain.attributes]
    elif isinstance(targets, str):
        targets = split_list(targets)
    if not isinstance(targets, Mapping):
        targets = {name: domain.attribute(name).choices for name in targets}
    found: dict[str, tuple[str, ...]] = {}
    for name, values in targets.items():
        attribute = domain.attribute(name)
        found[name] = tuple(attribute.decode(attribute.encode(value)) for value in ([values] if isinstance(values, str) else values))
        soft = [value for value in found[name] if not attribute.values and value not in attribute.choices]
        if soft:
            raise OptionError(f'targets: "{name}" is measured for yes and no; found "{soft[0]}". Write yes or no.')
    if not found or not any(found.values()):
        raise OptionError(f'targets={targets!r} names no value to translate to. Write "all", or names of attributes.')
    return found


def choose_targets(model: Model, data: Dataset, kind: BatchKind, targets: Targets) -> dict[str, tuple[str, ...]]:
    """Return the requested values of each attribute that model and data share; none for a model with one fixed target.

    Raises:
        DataError: Model and data share no attribute.
        UnknownNameError: The model does not have an attribute or a value.
        OptionError: ``targets`` is empty.
    """
    if has_fixed_target(kind, model.domain):
        return {}
    shared = [each.name for each in find_shared_attributes(model.domain, data)]
    return parse_targets(model.domain, shared if targets == "all" else targets)


def has_fixed_target(kind: BatchKind, domain: DomainSpec) -> bool:
    """Return whether each image has one target, which needs no name: its pair, or the image itself."""
    return not kind.domains and not kind.has_labels(domain)


def find_shared_attributes(domain: DomainSpec, data: Dataset) -> list[Attribute]:
    """Return the attributes of a model's domain that the data has, too.

    Raises:
        DataError: There is none.
    """
    names = {each.name for each in data.domain.attributes}
    shared = [each for each in domain.attributes if each.name in names]
    if not shared:
        known = ", ".join(each.name for each in domain.attributes) or "none"
        found = ", ".join(sorted(names)) or "none"
        raise DataError(f'"{data.name}" has none of the model\'s attributes. The model has: {known}. The data has: {found}.')
    return shared


def choose_items(model: Model, data: Dataset, kind: BatchKind, limit: int | None, notes: list[str]) -> list[Item]:
    """Return the items to measure, and add a note for each reason why some are left out."""
    items = list(data.items)
    if kind.has_labels(model.domain) and not model.domain.masked:
        items = [item for item in items if can_be_labelled(model.domain, item)]
        if len(items) < len(data.items):
            count = format_count(len(data.items) - len(items), "image")
            notes.append(f"{count} left out: some labels are unknown, and the model's labels have no mask for unknown values.")
    if limit is not None and limit < len(items):
        items = sample_items(items, limit)
        notes.append(f"Measured on {limit} of the images only (limit).")
    return items


def sample_items(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most ``most`` items, drawn with seed 0, in their order.

    Evenly spaced items would be wrong: in a sorted table, every n-th item can have the same value.
    """
    if len(items) <= most:
        return list(items)
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(0))[:most]
    return [items[index] for index in sorted(order.tolist())]


def list_requests(items: Sequence[Item], targets: Mapping[str, Sequence[str]]) -> list[TranslationRequest]:
    """Return a request for each item, each attribute that is known for it, and each requested value other than its own."""
    requests = []
    for index, item in enumerate(items):
        for name, values in targets.items():
            source = item.row.get(name)
            if source is not None:
                requests += [TranslationRequest(index, name, source, target) for target in values if target != source]
    return requests


def encode_labels(domain: DomainSpec, items: Sequence[Item]) -> Tensor:
    """Return the labels [B, D] of items for a model's domain; attributes that the data does not have are unknown.

    Raises:
        LabelError: A value is unknown, and the label has no mask for unknown values.
    """
    return torch.tensor([encode_label(domain, item) for item in items], dtype=torch.float32).reshape(len(items), domain.width)


def encode_label(domain: DomainSpec, item: Item) -> list[float]:
    """Return the label entries [D] of one item, or raise LabelError."""
    return domain.encode({each.name: item.row.get(each.name) for each in domain.attributes})


def can_be_labelled(domain: DomainSpec, item: Item) -> bool:
    """Return whether a label without mask can describe an item."""
    try:
        encode_label(domain, item)
    except LabelError:
        return False
    return True


def find_targets(
    data: Dataset, items: Sequence[Item], requests: Sequence[TranslationRequest], prepare: Preparation
) -> tuple[Tensor | None, Tensor]:
    """Return the target images [N, C, H, W] in [-1, 1] of the requests that have one, and which requests these are [B] (bool)."""
    changes: list[dict[str, Any]] = [{} if each.attribute == PAIRED else {each.attribute: each.target} for each in requests]
    inputs = [items[each.index] for each in requests]
    find_many = getattr(data, "find_targets", None)  # the built-in faces are drawn faster in one call
    found: list[Tensor | None] = (
        [data.find_target(item, change) for item, change in zip(inputs, changes, strict=True)]
        if find_many is None
        else find_many(inputs, changes)
    )
    has_target = torch.tensor([target is not None for target in found], dtype=torch.bool)
    images = [target for target in found if target is not None]
    if not images:
        return None, has_target
    if len({image.shape for image in images}) == 1:
        return prepare(torch.stack(images)), has_target
    return torch.stack([prepare(image) for image in images]), has_target


def find_nearest(fakes: Tensor, candidates: Tensor) -> Tensor:
    """Return for each translation the index [N] of the candidate that is nearest to it in L2.

    Args:
        fakes: Translations of one input [N, C, H, W] in [-1, 1].
        candidates: The true image of each value [K, C, H, W]; for the input's own value this is the input.
    """
    squares = [(candidates - fake).square().mean(dim=(1, 2, 3)) for fake in fakes]
    return torch.stack(squares).argmin(1)
