"""Counts the parameters of a model, and those of cross-domain models for the same task (one model for each ordered pair of domains)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen
from torch import nn

if TYPE_CHECKING:
    from i2ikit.core.domain import DomainSpec
    from i2ikit.core.model import Model

FORMULA = "k(k-1) translators for the k values of an attribute, summed over the attributes; one translator is the slots {slots}"


@frozen
class ParameterCounts:
    """Parameter counts; a tensor that two slots share counts once in the total.

    Attributes:
        slots: The count of each slot.
        total: The count of all slots.
        translator: The count of one cross-domain translator: every slot but the discriminators; a slot with several nets counts one net.
        cross_domain: The count of all cross-domain translators, k(k-1) for k domains (StarGAN, section 1).
        translators: The number of these translators.
        formula: How ``cross_domain`` is computed, in words.
    """

    slots: Mapping[str, int]
    total: int
    translator: int
    cross_domain: int
    translators: int
    formula: str


def count_parameters(model: Model) -> ParameterCounts:
    """Count the parameters of a model, trainable or not."""
    names = tuple(model.nets.slots)
    modules = {name: model.slot(name) for name in names}
    translating_slots = [name for name in names if model.nets.roles[name] != "discriminator" and _count(modules[name])]
    translator = sum(_count(modules[name]) // _count_nets(modules[name], model.nets.slots[name].per) for name in translating_slots)
    translators = count_domain_pairs(model.domain)
    return ParameterCounts(
        slots={name: _count(modules[name]) for name in names},
        total=_count(model.nets),
        translator=translator,
        cross_domain=translator * translators,
        translators=translators,
        formula=FORMULA.format(slots=", ".join(translating_slots) or "(none)"),
    )


def count_domain_pairs(domain: DomainSpec) -> int:
    """Return k(k-1) for the k values of an attribute, summed over the attributes."""
    return sum(len(each.choices) * (len(each.choices) - 1) for each in domain.attributes)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _count_nets(module: nn.Module, per: str | None) -> int:
    return len(module) if per and isinstance(module, nn.ModuleDict) else 1
