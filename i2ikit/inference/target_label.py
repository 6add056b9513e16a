"""Make the label of a requested translation from the requested values and the label of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.domain import DomainSpec
from i2ikit.errors import LabelError, OptionError

Predict = Callable[[], Tensor | None]
"""Returns the domain logits [B, D] of the source images, or None if no discriminator can predict them."""


def make_target_label(
    domain: DomainSpec, rows: int, to: Any, label: Any, source: str | None, predict: Predict, like: Tensor
) -> tuple[Tensor, dict[str, str]]:
    """Return the target label [B, D], and the origin of each attribute's value: "to", "label", "discriminator" or "unknown".

    If ``to`` sets one attribute of a label set, the rest of that set comes from ``label``, else from the discriminator.

    Args:
        domain: The model's label sets.
        rows: The number of images, B.
        to: The request: values by attribute, a value of the only attribute, or a label [B, D] or [D].
        label: The label of the source: values by attribute, one such mapping per image, a label [B, D] or [D], or None.
        source: "unknown" leaves a label set unknown if neither ``to`` nor ``label`` names any of its attributes. A set is also left
            unknown if ``label`` marks one of its attributes as unknown (None, "", or a mask entry of 0).
        predict: Returns the domain logits of the source images; called once at most.
        like: The dtype and the device of the label.

    Raises:
        UnknownNameError: The labels have no such attribute or value.
        LabelError: A label has another width.
        OptionError: Nothing is requested, or a value of the source is neither given nor predicted.
    """
    if isinstance(to, Tensor) or (isinstance(to, Sequence) and not isinstance(to, str)):
        return convert_label(to, "to", domain, rows, like), {each.name: "to" for each in domain.attributes}
    if isinstance(to, str) and len(domain.attributes) == 1:
        to = {domain.attributes[0].name: to}
    if not isinstance(to, Mapping) or not to:
        found = "to= is missing" if to is None else f"to={to!r} names no target value"
        raise OptionError(
            f'{found}. Request a value, for example to={{"{domain.attributes[0].name}": "{domain.attributes[0].choices[0]}"}}.'
        )
    requested = {domain.attribute(name).name: domain.attribute(name).encode(value) for name, value in to.items()}
    target, known, hidden = _read_source_label(domain, rows, label, like)
    origin = {each.name: "label" for each in domain.attributes}
    logits: Tensor | None = None
    for index, part in enumerate(domain.sets):
        others = [each for each in part.attributes if each.name not in requested]
        is_requested = len(others) < len(part.attributes)
        masked = torch.zeros_like(hidden[index])  # images of which this set stays unknown
        if domain.masked and not is_requested:
            nothing = ~torch.stack([known[each.name] for each in others]).any(0)
            masked = hidden[index] | nothing if source == "unknown" else hidden[index]
        for each in others:
            if bool(masked.any()):
                origin[each.name] = "unknown"
            if bool((known[each.name] | masked).all()):
                continue
            logits = logits if logits is not None else predict()
            if logits is None:
                mask = ', or leave its label set unknown: source="unknown"' if domain.masked and not is_requested else ""
                raise OptionError(
                    f'The value of "{each.name}" of the source is not given, and this model has no trained discriminator to predict it. '
                    f"Give it in label=, or set it in to={mask}."
                )
            place = domain.get_slice(each.name)
            predicted = logits[:, place]
            estimate = F.one_hot(predicted.argmax(1), each.width) if each.values else predicted > 0
            target[:, place] = torch.where(known[each.name][:, None], target[:, place], estimate.to(like.dtype))
            origin[each.name] = "discriminator"
        if domain.masked:
            target[:, domain.get_set_slice(index)] *= ~masked[:, None]
            target[:, domain.num_values + index] = (~masked).to(like.dtype)
    for name, entries in requested.items():
        target[:, domain.get_slice(name)] = torch.tensor(entries, dtype=like.dtype, device=like.device)
        origin[name] = "to"
    return target, origin


def find_source_label(domain: DomainSpec, rows: int, label: Any, like: Tensor) -> Tensor | None:
    """Return the label [B, D] of the source images for an encoder that uses it; None if ``label`` leaves a value open.

    A label set with an unknown value stays unknown. The other arguments are those of :func:`make_target_label`.
    """
    source, known, _ = _read_source_label(domain, rows, label, like)
    for index, part in enumerate(domain.sets):
        is_known = torch.stack([known[each.name] for each in part.attributes]).all(0)
        if domain.masked:
            source[:, domain.get_set_slice(index)] *= is_known[:, None]
            source[:, domain.num_values + index] = is_known.to(like.dtype)
        elif not bool(is_known.all()):
            return None
    return source


def _read_source_label(domain: DomainSpec, rows: int, label: Any, like: Tensor) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
    """Return label entries [B, D], whether each attribute is known [B], and whether each set is marked as unknown [B]."""
    source = torch.zeros(rows, domain.width, dtype=like.dtype, device=like.device)
    known = {each.name: torch.zeros(rows, dtype=torch.bool, device=like.device) for each in domain.attributes}
    hidden = [torch.zeros(rows, dtype=torch.bool, device=like.device) for _ in domain.sets]
    if label is None:
        return source, known, hidden
    if isinstance(label, Mapping):
        label = [label] * rows
    if isinstance(label, (list, tuple)) and label and all(isinstance(row, Mapping) for row in label):
        if len(label) != rows:
            raise LabelError(f"label= has {len(label)} rows, and there are {rows} images. Give one row per image.")
        for number, row in enumerate(label):
            for name, value in row.items():
                if value is None or str(value).strip() == "":
                    hidden[domain.get_set_index(name)][number] = True
                else:
                    entries = domain.attribute(name).encode(value)
                    source[number, domain.get_slice(name)] = torch.tensor(entries, dtype=like.dtype, device=like.device)
                    known[name][number] = True
        return source, known, hidden
    numbers = convert_label(label, "label", domain, rows, like)
    for index, part in enumerate(domain.sets):
        there = numbers[:, domain.num_values + index] > 0.5 if domain.masked else torch.ones(rows, dtype=torch.bool, device=like.device)
        known.update({each.name: there for each in part.attributes})
        hidden[index] = ~there
    source[:, : domain.num_values] = numbers[:, : domain.num_values]
    return source, known, hidden


def convert_label(label: Any, option: str, domain: DomainSpec, rows: int, like: Tensor) -> Tensor:
    """Return numbers [D] or [B, D] as a label [B, D] of the dtype and on the device of ``like``.

    Raises:
        LabelError: They cannot be read as a label of this width.
    """
    try:
        numbers = torch.as_tensor(label, dtype=like.dtype, device=like.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise LabelError(
            f"{option}= cannot be read as a label: {error}. Give values by attribute, or numbers [{rows}, {domain.width}]."
        ) from None
    if not bool(numbers.isfinite().all()):
        raise LabelError(f"{option}= has values of NaN or infinity; expected finite numbers.")
    numbers = numbers.expand(rows, -1) if numbers.ndim == 1 else numbers
    if numbers.shape != (rows, domain.width):
        raise LabelError(f"{option}= has shape {list(numbers.shape)}; expected [{rows}, {domain.width}]: {', '.join(domain.entries)}.")
    return numbers.clone()
