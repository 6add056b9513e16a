"""How many parameters a model has, and how many translating between all its domains would take with one network a pair."""

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
class Parameters:
    """Parameter counts; a tensor that two slots share counts once in the total.

    Attributes:
        slots: For each slot.
        total: Of all slots.
        translator: Of one translator: every slot but the discriminators, one net of a slot that has several.
        cross_domain: Of all translators that cross-domain models need, k(k-1) for k domains (StarGAN, section 1).
        translators: How many these are.
        formula: How ``cross_domain`` was counted.
    """

    slots: Mapping[str, int]
    total: int
    translator: int
    cross_domain: int
    translators: int
    formula: str


def count_parameters(model: Model) -> Parameters:
    """Count the parameters of a model, trainable or not."""
    names = tuple(model.nets.slots)
    modules = {name: model.slot(name) for name in names}
    translating = [name for name in names if model.nets.roles[name] != "discriminator" and _count(modules[name])]
    one = sum(_count(modules[name]) // _nets(modules[name], model.nets.slots[name].per) for name in translating)
    translators = pairs_of_domains(model.domain)
    return Parameters(
        slots={name: _count(modules[name]) for name in names},
        total=_count(model.nets),
        translator=one,
        cross_domain=one * translators,
        translators=translators,
        formula=FORMULA.format(slots=", ".join(translating) or "(none)"),
    )


def pairs_of_domains(domain: DomainSpec) -> int:
    """Return k(k-1) for the k values of an attribute, summed over the attributes."""
    return sum(len(each.choices) * (len(each.choices) - 1) for each in domain.attributes)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _nets(module: nn.Module, per: str | None) -> int:
    return len(module) if per and isinstance(module, nn.ModuleDict) else 1
