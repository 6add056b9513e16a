"""The domain losses: the discriminator's second head reads labels off images (StarGAN, equations 2 and 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from i2ikit import DomainSpec, Translation
from i2ikit.errors import SpecError


def domain_real_loss(t: Translation, *, discriminator: str = "discriminator", official: bool = False) -> Tensor:
    """The label of real images is read off them; trains the discriminator (StarGAN, equation 2).

    A group of exclusive values costs its cross entropy and a yes-or-no attribute its binary cross entropy: the sum over the attributes
    of the mean over the images whose label set is known, and that have a value of the group. What is unknown costs nothing.

    Args:
        t: The translation.
        discriminator: The slot whose head reads.
        official: As the original code: a set that is one exclusive group costs its cross entropy, and any other set the binary cross
            entropy of all its entries, those of groups included.
    """
    return _domain_loss(t, "reference", t.reference_label, discriminator, official)


def domain_fake_loss(t: Translation, *, discriminator: str = "discriminator", official: bool = False) -> Tensor:
    """The target label is read off the translations; trains the translator (StarGAN, equation 3).

    Options and form as :func:`domain_real_loss`.
    """
    return _domain_loss(t, "fake", t.target_label, discriminator, official)


def _domain_loss(t: Translation, of: str, label: Tensor | None, discriminator: str, official: bool) -> Tensor:
    domain = t.nets.domain
    logits = t.discriminate(of, by=discriminator).domain_logits
    if label is None or logits is None:
        missing = "a label" if label is None else f'a discriminator with a domain head, and "{discriminator}" has none'
        raise SpecError(f'Term "{t.term}" needs {missing}. Use plan "labelled", declared labels and "stargan_discriminator".')
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    whole, share = t.streams.whole.get("label", label), t.streams.share.count
    if len(whole) != len(label) * share:
        whole, share = label, 1
    return label_loss(logits, label.to(logits.dtype), domain, whole=whole.to(logits.dtype), share=share, official=official)


def label_loss(
    logits: Tensor, label: Tensor, domain: DomainSpec, *, whole: Tensor | None = None, share: int = 1, official: bool = False
) -> Tensor:
    """Return what it costs to have read ``logits`` where ``label`` is true.

    Args:
        logits: Without the mask entries [B, content].
        label: With them [B, D].
        domain: The label sets.
        whole: The labels of all rows where this is one of ``share`` equal parts of them [share * B, D]: means are over all known rows,
            so that the parts' mean equals the loss of the whole.
        share: How many parts there are.
        official: See :func:`domain_real_loss`.
    """
    whole = label if whole is None else whole
    total = logits.new_zeros(())
    for index, part in enumerate(domain.sets):
        known, known_whole = _known(label, domain, index), _known(whole, domain, index)
        if official and not (len(part.attributes) == 1 and part.attributes[0].values):
            place = domain.slice_of_set(index)
            costs = F.binary_cross_entropy_with_logits(logits[:, place], label[:, place], reduction="none").sum(1)
            total = total + _mean_of_known(costs, known, known_whole, share)
            continue
        for attribute in part.attributes:
            place = domain.slice_of(attribute.name)
            read, true, true_whole = logits[:, place], label[:, place], whole[:, place]
            if attribute.values:
                costs = -(true * read.log_softmax(1)).sum(1)
                # An image without a value of the group, such as the hair colour of a bald head, says nothing about it.
                total = total + _mean_of_known(costs, known * true.sum(1), known_whole * true_whole.sum(1), share)
            else:
                costs = F.binary_cross_entropy_with_logits(read, true, reduction="none").sum(1)
                total = total + _mean_of_known(costs, known, known_whole, share)
    return total


def _known(label: Tensor, domain: DomainSpec, index: int) -> Tensor:
    return label[:, domain.content + index] if domain.masked else torch.ones_like(label[:, 0])


def _mean_of_known(costs: Tensor, known: Tensor, known_whole: Tensor, share: int) -> Tensor:
    return (costs * known).sum() * share / known_whole.sum().clamp(min=1)
