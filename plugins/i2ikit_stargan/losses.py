"""The domain classification losses: the domain head of the discriminator predicts labels of images (StarGAN, equations 2 and 3)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import DomainSpec, Translation
from i2ikit.errors import SpecError


def domain_real_loss(t: Translation, *, discriminator: str = "discriminator", official: bool = False) -> Tensor:
    """Domain classification loss of real images; trains the discriminator (StarGAN, equation 2).

    Cross entropy for a categorical attribute, binary cross entropy for a binary attribute. The loss is the sum over the attributes.
    For each attribute it is the mean over the images whose label set is known and that have a value of the attribute. Unknown
    labels do not contribute.

    Args:
        t: The translation.
        discriminator: The slot of the discriminator whose domain head predicts the label.
        official: Compute the loss as the original code does: cross entropy for a set that is one categorical attribute. For any other set,
            binary cross entropy of all its entries.
    """
    return _domain_loss(t, "reference", t.reference_label, discriminator, official)


def domain_fake_loss(t: Translation, *, discriminator: str = "discriminator", official: bool = False) -> Tensor:
    """Domain classification loss of translations with the target label; trains the translator (StarGAN, equation 3).

    Options and formula are those of :func:`domain_real_loss`.
    """
    return _domain_loss(t, "fake", t.target_label, discriminator, official)


def _domain_loss(t: Translation, view: str, label: Tensor | None, discriminator: str, official: bool) -> Tensor:
    domain = t.nets.domain
    logits = t.discriminate(view, slot=discriminator).domain_logits
    if label is None or logits is None:
        missing = "a label; found none" if label is None else f'a discriminator with a domain head; "{discriminator}" has none'
        raise SpecError(f'Term "{t.term}" requires {missing}. Use plan "labelled", declared labels and "stargan_discriminator".')
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return label_loss(logits, label.to(logits.dtype), domain, average=t.average_over_batch, official=official)


Average = Callable[[Tensor, Callable[[Tensor], Tensor], Tensor], Tensor]


def average_rows(losses: Tensor, weigh: Callable[[Tensor], Tensor], label: Tensor) -> Tensor:
    """Return the mean of losses [B], weighted by ``weigh`` of the labels [B, D]; 0 if no image has a weight."""
    weights = weigh(label)
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def label_loss(logits: Tensor, label: Tensor, domain: DomainSpec, *, average: Average = average_rows, official: bool = False) -> Tensor:
    """Return the domain classification loss of predicted ``logits`` for the true ``label``.

    Args:
        logits: Predictions, without the mask entries [B, domain.num_values].
        label: True labels, with the mask entries [B, D].
        domain: The label sets.
        average: Returns the mean of losses over the images that have a weight: :func:`average_rows`, or
            :meth:`i2ikit.Translation.average_over_batch` in training.
        official: See :func:`domain_real_loss`.
    """
    total = logits.new_zeros(())
    for index, part in enumerate(domain.sets):
        get_known = functools.partial(_get_known_mask, domain=domain, index=index)
        if official and not (len(part.attributes) == 1 and part.attributes[0].values):
            entries = domain.get_set_slice(index)
            losses = F.binary_cross_entropy_with_logits(logits[:, entries], label[:, entries], reduction="none").sum(1)
            total = total + average(losses, get_known, label)
            continue
        for attribute in part.attributes:
            entries = domain.get_slice(attribute.name)
            predicted, true = logits[:, entries], label[:, entries]
            if attribute.values:
                losses = -(true * predicted.log_softmax(1)).sum(1)
                total = total + average(losses, functools.partial(_get_valued_mask, domain=domain, index=index, entries=entries), label)
            else:
                losses = F.binary_cross_entropy_with_logits(predicted, true, reduction="none").sum(1)
                total = total + average(losses, get_known, label)
    return total


def _get_known_mask(label: Tensor, domain: DomainSpec, index: int) -> Tensor:
    return label[:, domain.num_values + index] if domain.masked else torch.ones_like(label[:, 0])


def _get_valued_mask(label: Tensor, domain: DomainSpec, index: int, entries: slice) -> Tensor:
    """Return the known mask without the images that have no value of the attribute, such as the hair colour of a bald head."""
    return _get_known_mask(label, domain, index) * label[:, entries].sum(1)
