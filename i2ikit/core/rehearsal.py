"""The rehearsal: a whole step on tensors without memory. It records the views that each term reads, and finds models that cannot learn.

Tensors on the meta device have shapes and autograd, but no values. The rehearsal therefore requires no memory and no computation, and does
not depend on the device of the model. The first such operation in a process imports modules of torch, which takes about two seconds.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from attrs import evolve
from torch import nn

from i2ikit.core import step
from i2ikit.core.mixture import run_plan
from i2ikit.core.model import Model
from i2ikit.core.translation import Translation
from i2ikit.errors import I2IKitError


def rehearse(model: Model) -> list[str]:
    """Run one step on tensors without memory and return all problems.

    This sets ``views_read``, ``stream_names`` and ``unreached_weights`` of the model.
    """
    double = _copy_without_memory(model)
    problems: list[str] = []
    requested, played = set[str](), set[str]()
    for index in range(len(model.plans)):
        problems += _rehearse_plan(model, double, index, requested, played)
    model.stream_names = sorted(requested)
    for key in () if problems else model.losses:
        if key not in played:
            problems.append(f'Term "{key}" is not computed for any translation. Name one in translations=, or leave translations= out.')
    model.unreached_weights = (
        [name for name, p in double.nets.named_parameters() if p.requires_grad and p.grad is None] if not problems else []
    )
    return problems


def _rehearse_plan(model: Model, double: Model, index: int, requested: set[str], played: set[str]) -> list[str]:
    """Run one step with one of the plans, and return the problems; add its random draws and terms to ``requested`` and ``played``."""
    problems: list[str] = []
    try:
        batch = model.get_batch_kind(index).make_example(model.image, model.source, model.domain, 2, 0, torch.device("meta"))
        [(part, streams)] = step.split(double, batch, {}, index, 1)
        streams = evolve(streams, requested=requested)
        for player in model.recipe.players:
            player_streams = streams.for_player(player.name) if model.recipe.retranslate and model.recipe.redraw else streams
            translations = run_plan(double, part, player_streams, True, index)
            for translation in translations:
                translation.trace = {}
            for turn in _list_turns(player):
                played.update(step.play(double, turn, translations))
                for translation in translations:
                    for term, views in (translation.trace or {}).items():
                        seen = model.views_read.setdefault(term, [])
                        seen += [name for name in views if name not in seen]
                    translation.forget(turn.updates)
        problems += _check_conditions(double, part, streams, index)
    except I2IKitError as error:
        problems.append(str(error))
    except (RuntimeError, TypeError, AttributeError, IndexError, ValueError, NotImplementedError) as error:
        term = next((t.term for t in locals().get("translations", []) if t.term), "")
        where = f' in term "{term}"' if term else ""
        problems.append(f"The rehearsal of one step failed{where}: {type(error).__name__}: {error}")
    return problems


def _copy_without_memory(model: Model) -> Model:
    """Return a copy of the model on the meta device."""
    memo: dict[int, Any] = {}
    for weight in [*model.nets.parameters(), *model.loss_modules.parameters()]:
        memo[id(weight)] = nn.Parameter(torch.empty_like(weight, device="meta"), requires_grad=weight.requires_grad)
    for tensor in [*model.nets.buffers(), *model.loss_modules.buffers()]:
        memo[id(tensor)] = torch.empty_like(tensor, device="meta")
    nets = copy.deepcopy(model.nets, memo)
    losses = {name: copy.deepcopy(loss, memo) if isinstance(loss, nn.Module) else loss for name, loss in model.losses.items()}
    return Model(model.recipe, nets, losses, model.plans, seed=model.seed)


def _list_turns(player: Any) -> list[step.Turn]:
    """Return the turns of a step in which all terms are computed."""
    return step.turns(player, 0)


def _check_conditions(double: Model, batch: Any, streams: Any, index: int) -> list[str]:
    """Return a problem if the target label or the style has no influence on the fake."""
    problems = []
    fakes = run_plan(double, batch, streams, True, index)
    problems += _check_target_domain(double, fakes)
    slots = ", ".join(f"{name}={slot.component}" for name, slot in double.recipe.slots.items())
    for translation in fakes:
        if double.get_batch_kind(index).label == "required" and not _influences_fake(translation, "target_label"):
            problems.append(
                f"The target label has no influence on the fake in {slots}. "
                f"Add a conditioner between encoder and generator that uses the label, such as stargan_conditioner."
            )
        if translation._style is not None and not _influences_fake(translation, "style"):
            problems.append(
                f"The target style has no influence on the fake in {slots}. Use a generator that takes a style, or leave style= out."
            )
    return list(dict.fromkeys(problems))


def _check_target_domain(double: Model, fakes: list[Translation]) -> list[str]:
    """Return a problem if one network translates a domain to several others, but does not receive the target domain."""
    recipe = double.recipe
    is_separate = any(slot.per == "pair" or (slot.per and recipe.role(name) == "generator") for name, slot in recipe.slots.items())
    targets: dict[str, list[str]] = {}
    for source, target in double.routes:
        targets.setdefault(source, []).append(target)
    source_of_several = next((source for source, several in targets.items() if len(several) > 1), None)
    if source_of_several is None or is_separate or any(_influences_fake(translation, "target_label") for translation in fakes):
        return []
    several = " and to ".join(f'"{target}"' for target in targets[source_of_several])
    problem = (
        f'One generator translates from "{source_of_several}" to {several}, but it does not receive the target domain. '
        'Declare two domains, or use one network per pair: Slot(..., per="pair").'
    )
    return [problem]


def _influences_fake(translation: Translation, name: str) -> bool:
    """Return whether the label or style with that name has an influence on the fake, by its gradient."""
    value = translation.style if name == "style" else getattr(translation, name)
    probe = value.detach().clone().requires_grad_()
    setattr(translation, "_style" if name == "style" else name, probe)
    translation.forget(
        frozenset(translation.nets.slots)
    )  # drops what passed through networks; a detached fake may stay, but is not read below
    fake = Translation.fake(translation)
    return fake.requires_grad and torch.autograd.grad(fake.sum(), probe, allow_unused=True)[0] is not None
