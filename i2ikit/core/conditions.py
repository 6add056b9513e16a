"""Conditions that an assembly must meet to learn, checked on tensors without memory: what the generator and the discriminators receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from i2ikit.core.mixture import run_plan
from i2ikit.core.translation import Translation

if TYPE_CHECKING:
    from i2ikit.core.model import Model


def check_conditions(double: Model, batch: Any, streams: Any, index: int) -> list[str]:
    """Return the problems of a plan: networks that cannot know the domain, and a target label or style without influence on the fake."""
    fakes, kind = run_plan(double, batch, streams, True, index), double.get_batch_kind(index)
    problems = [*_check_generator(double, fakes), *_check_discriminators(double, fakes)]
    is_conditional = kind.label == "optional" and not kind.source and kind.has_labels(double.domain)
    slots = ", ".join(f"{name}={slot.title}" for name, slot in double.recipe.slots.items())
    for translation in fakes:
        if kind.label == "required" and not _influences_fake(translation, "target_label"):
            problems.append(
                f"The target label has no influence on the fake in {slots}. "
                f"Add a conditioner between encoder and generator that uses the label, such as stargan_conditioner."
            )
        if is_conditional and not _influences_fake(translation, "target_label"):
            problems.append(
                f"The label has no influence on the fake in {slots}. Use a conditioner or a generator that takes the label, or declare "
                "no labels: labels=None; on the command line, leave --labels out."
            )
        if translation._style is not None and not _influences_fake(translation, "style"):
            problems.append(
                f"The target style has no influence on the fake in {slots}. Use a generator that takes a style, or leave style= out."
            )
    return list(dict.fromkeys(problems))


def _check_generator(double: Model, fakes: list[Translation]) -> list[str]:
    """Return a problem if one generator translates to several domains and cannot know to which."""
    recipe = double.recipe
    targets: dict[str, list[str]] = {}
    for source, target in double.routes:
        targets.setdefault(source, []).append(target)
    has_one_target_each = all(len(several) == 1 for several in targets.values())
    separate = ("generator", "conditioner", "encoder") if has_one_target_each else ("generator", "conditioner")
    if any(slot.per == "pair" or (slot.per and recipe.role(name) in separate) for name, slot in recipe.slots.items()):
        return []
    ends = list(dict.fromkeys(target for several in targets.values() for target in several))
    if len(ends) < 2 or any(_influences_fake(translation, "target_label") for translation in fakes):
        return []
    several = " and to ".join(f'"{end}"' for end in ends)
    problem = (
        f"One generator translates to {several}, but it does not receive the target domain. Use one network per domain or per pair: "
        'slots={"generator": {"per": "pair"}}, or add a conditioner that uses the label.'
    )
    return [problem]


def _check_discriminators(double: Model, fakes: list[Translation]) -> list[str]:
    """Return a problem for each discriminator that scores images of several domains and cannot know of which."""
    problems = []
    for name in [name for name, role in double.nets.roles.items() if role == "discriminator" and double.nets.slots[name].per is None]:
        domains = sorted({domain for slot, domain in double.nets.calls or () if slot == name and domain is not None})
        if len(domains) < 2 or "label" in double.nets.get_inputs(name):
            continue
        if fakes[0].discriminate_image(fakes[0].fake, "fake", name).domain_logits is None:
            several = " and ".join(f'"{domain}"' for domain in domains)
            problems.append(
                f'One discriminator ("{name}") scores images of {several}, but it does not receive the domain. Use one network per domain: '
                f'slots={{"{name}": {{"per": "domain"}}}}, or a discriminator with the input "label" or with a domain head.'
            )
    return problems


def check_unused_slots(double: Model) -> list[str]:
    """Return a problem for each slot that nothing calls in a step. A frozen slot with weights may serve the use of the model alone."""
    called = {slot for slot, _ in double.nets.calls or ()}
    return [
        f'Slot "{name}" is never used: no term and no view of plan "{double.recipe.plan_name}" calls it. Remove it: {name}=None.'
        for name, slot in double.recipe.slots.items()
        if name not in called and not (slot.frozen and slot.weights)
    ]


def _influences_fake(translation: Translation, name: str) -> bool:
    """Return whether the label or style with that name has an influence on the fake, by its gradient."""
    value = translation.style if name == "style" else getattr(translation, name)
    probe = value.detach().clone().requires_grad_()
    setattr(translation, "_style" if name == "style" else name, probe)
    translation.clear()
    fake = translation.fake
    return fake.requires_grad and torch.autograd.grad(fake.sum(), probe, allow_unused=True)[0] is not None
