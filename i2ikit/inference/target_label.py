"""The label of a translation that is asked for: what is named, and what is kept of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit.core.domain import DomainSpec
from i2ikit.errors import LabelError, OptionError

Ask = Callable[[], Tensor | None]
"""Gives the discriminator's domain logits [B, D], or None where there is no discriminator that could tell."""


def target_label(
    domain: DomainSpec, rows: int, to: Any, label: Any, source: str | None, ask: Ask, like: Tensor
) -> tuple[Tensor, dict[str, str]]:
    """Return the target label [B, D], and where each attribute's value comes from: "to", "label", "discriminator" or "unknown".

    A label set of which ``to`` names a part becomes known as a whole; what neither ``to`` nor ``label`` says of it, the discriminator is asked.

    Args:
        domain: The model's label sets.
        rows: The number of images, B.
        to: What is asked for: values by attribute, a value of the only attribute, or a label [B, D] or [D].
        label: What is known of the source: values by attribute, one mapping a row, a label [B, D] or [D], or None.
        source: "unknown" leaves the sets that ``to`` does not name unknown where nothing is known of them, as does a label that calls
            one of their attributes unknown (None, "", or a mask entry of 0).
        ask: How the discriminator is asked, at most once.
        like: Whose dtype and device the label takes.

    Raises:
        UnknownNameError: An attribute or a value that the labels do not have.
        LabelError: A label of another width.
        OptionError: Nothing is asked for, or nobody can tell what the source is.
    """
    if isinstance(to, Tensor) or (isinstance(to, Sequence) and not isinstance(to, str)):
        return _given(to, "to", domain, rows, like), {each.name: "to" for each in domain.attributes}
    if isinstance(to, str) and len(domain.attributes) == 1:
        to = {domain.attributes[0].name: to}
    if not isinstance(to, Mapping) or not to:
        raise OptionError(f'to={to!r} names no target. Write to={{"{domain.attributes[0].name}": "{domain.attributes[0].choices[0]}"}}.')
    named = {domain.attribute(name).name: domain.attribute(name).encode(value) for name, value in to.items()}
    made, known, hidden = _known(domain, rows, label, like)
    origin = {each.name: "label" for each in domain.attributes}
    logits: Tensor | None = None
    for index, part in enumerate(domain.sets):
        others = [each for each in part.attributes if each.name not in named]
        touched = len(others) < len(part.attributes)
        masked = torch.zeros_like(hidden[index])  # rows of which this set stays unknown
        if domain.masked and not touched:
            nothing = ~torch.stack([known[each.name] for each in others]).any(0)
            masked = hidden[index] | nothing if source == "unknown" else hidden[index]
        for each in others:
            if bool(masked.any()):
                origin[each.name] = "unknown"
            if bool((known[each.name] | masked).all()):
                continue
            logits = logits if logits is not None else ask()
            if logits is None:
                spare = ', or mask its set: source="unknown"' if domain.masked and not touched else ""
                raise OptionError(
                    f'The source\'s "{each.name}" is not given, and this model has no trained discriminator that could tell it. '
                    f"Give it in label=, or name it in to={spare}."
                )
            place = domain.slice_of(each.name)
            said = logits[:, place]
            told = F.one_hot(said.argmax(1), each.width).to(like.dtype) if each.values else (said > 0).to(like.dtype)
            made[:, place] = torch.where(known[each.name][:, None], made[:, place], told)
            origin[each.name] = "discriminator"
        if domain.masked:
            made[:, domain.slice_of_set(index)] *= ~masked[:, None]
            made[:, domain.content + index] = (~masked).to(like.dtype)
    for name, entries in named.items():
        made[:, domain.slice_of(name)] = torch.tensor(entries, dtype=like.dtype, device=like.device)
        origin[name] = "to"
    return made, origin


def _known(domain: DomainSpec, rows: int, label: Any, like: Tensor) -> tuple[Tensor, dict[str, Tensor], list[Tensor]]:
    """Return label entries [B, D], whether each attribute is known [B], and whether each set is called unknown [B]."""
    made = torch.zeros(rows, domain.width, dtype=like.dtype, device=like.device)
    known = {each.name: torch.zeros(rows, dtype=torch.bool, device=like.device) for each in domain.attributes}
    hidden = [torch.zeros(rows, dtype=torch.bool, device=like.device) for _ in domain.sets]
    if label is None:
        return made, known, hidden
    if isinstance(label, Mapping):
        label = [label] * rows
    if isinstance(label, (list, tuple)) and label and all(isinstance(row, Mapping) for row in label):
        if len(label) != rows:
            raise LabelError(f"label= has {len(label)} rows, and there are {rows} images. Give one a row.")
        for number, row in enumerate(label):
            for name, value in row.items():
                if value is None or str(value).strip() == "":
                    hidden[domain.set_of(name)][number] = True
                else:
                    entries = domain.attribute(name).encode(value)
                    made[number, domain.slice_of(name)] = torch.tensor(entries, dtype=like.dtype, device=like.device)
                    known[name][number] = True
        return made, known, hidden
    given = _given(label, "label", domain, rows, like)
    for index, part in enumerate(domain.sets):
        there = given[:, domain.content + index] > 0.5 if domain.masked else torch.ones(rows, dtype=torch.bool, device=like.device)
        known.update({each.name: there for each in part.attributes})
        hidden[index] = ~there
    made[:, : domain.content] = given[:, : domain.content]
    return made, known, hidden


def _given(label: Any, option: str, domain: DomainSpec, rows: int, like: Tensor) -> Tensor:
    try:
        given = torch.as_tensor(label, dtype=like.dtype, device=like.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise LabelError(f"{option}= is no label: {error}. Give values by attribute, or numbers [{rows}, {domain.width}].") from None
    given = given.expand(rows, -1) if given.ndim == 1 else given
    if given.shape != (rows, domain.width):
        raise LabelError(f"{option}= has shape {list(given.shape)}; needed is [{rows}, {domain.width}]: {', '.join(domain.entries)}.")
    return given.clone()
